"""The kinds of resources, as data: everything that differs between them, but for their rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from tollway_contracts.http import CreatedApiKey, Page
from tollway_contracts.resources import (
    ApiKey,
    ApiKeySpec,
    Deployment,
    DeploymentSpec,
    Model,
    ModelSpec,
    Price,
    PriceSpec,
    Provider,
    ProviderSpec,
    Resource,
    Workspace,
    WorkspaceSpec,
    plain,
)
from tollway_contracts.topics import API_KEYS, MODELS, Topic
from tollway_contracts.vocabulary import MODEL_NAME_PATTERN, NAME_PATTERN
from tollway_contracts.wire import Wire
from tollway_registry import schemas, tables


@dataclass(frozen=True, slots=True)
class Reference:
    """A field of a specification that names another resource, or several (`many`)."""

    field: str
    target: str
    many: bool = False

    def names(self, spec: Wire) -> tuple[str, ...]:
        """Return the names that the field holds."""
        value = getattr(spec, self.field)
        if value is None:
            return ()
        return tuple(value) if self.many else (value,)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource. `word` is its name in texts, `segment` its name in addresses."""

    word: str
    segment: str
    id_prefix: str
    spec: type[Wire]
    new: type[schemas.NewResource]
    view: type[Resource]
    created: type[Resource]
    page: type[Wire]
    table: Table
    topic: Topic = MODELS
    name_pattern: str = NAME_PATTERN
    references: tuple[Reference, ...] = ()
    guarded: tuple[str, ...] = ()
    """The fields of the specification that have a column of their own."""
    changeable: frozenset[str] | None = None
    """The fields that may change after creation; None for all."""
    remarks: str = ""
    """What the OpenAPI document says of a creation."""


@dataclass(frozen=True, slots=True)
class Row:
    """A resource as it is stored. `facts` are what only its kind has, decided at its creation."""

    id: str
    workspace: str
    name: str
    revision: int
    created_at: datetime
    updated_at: datetime
    spec: Wire
    facts: Mapping[str, str] = field(default_factory=dict)

    def seen_as(self, view: type[Resource], **more: Any) -> Resource:
        """Return the resource as callers see it; facts that they do not see are left out."""
        values = {name: getattr(self, name) for name in Resource.model_fields}
        values |= plain(self.spec) | dict(self.facts) | more
        return view.model_validate({**values, "name": self.name}, extra="ignore")


_CREDENTIAL = (
    "`credential` names one that the secrets service keeps. It is not looked up here: one that "
    "does not exist shows at the first call."
)

WORKSPACE = Kind(
    word="workspace",
    segment="workspaces",
    id_prefix="",
    spec=WorkspaceSpec,
    new=schemas.NewWorkspace,
    view=Workspace,
    created=Workspace,
    page=Page[Workspace],
    table=tables.WORKSPACE,
)
PROVIDER = Kind(
    word="provider",
    segment="providers",
    id_prefix="prv",
    spec=ProviderSpec,
    new=schemas.NewProvider,
    view=Provider,
    created=Provider,
    page=Page[Provider],
    table=tables.PROVIDER,
    remarks=(
        "A custom provider needs a `base_url`, unless its address follows from its options (azure, "
        "amazon-bedrock, google-vertex); a native one without is reached at its vendor's public "
        f"address. {_CREDENTIAL}"
    ),
)
MODEL = Kind(
    word="model",
    segment="models",
    id_prefix="mdl",
    spec=ModelSpec,
    new=schemas.NewModel,
    view=Model,
    created=Model,
    page=Page[Model],
    table=tables.MODEL,
    name_pattern=MODEL_NAME_PATTERN,
    references=(Reference("fallbacks", "model", many=True),),
    remarks="Fallbacks are models of the workspace, and lead nowhere back.",
)
DEPLOYMENT = Kind(
    word="deployment",
    segment="deployments",
    id_prefix="dep",
    spec=DeploymentSpec,
    new=schemas.NewDeployment,
    view=Deployment,
    created=Deployment,
    page=Page[Deployment],
    table=tables.DEPLOYMENT,
    references=(Reference("model", "model"), Reference("provider", "provider")),
    guarded=("model", "provider"),
    remarks=f"Without a `credential` it uses that of its provider. {_CREDENTIAL}",
)
PRICE = Kind(
    word="price",
    segment="prices",
    id_prefix="prc",
    spec=PriceSpec,
    new=schemas.NewPrice,
    view=Price,
    created=Price,
    page=Page[Price],
    table=tables.PRICE,
    references=(Reference("model", "model"), Reference("deployment", "deployment")),
    guarded=("model", "deployment", "valid_from"),
    changeable=frozenset({"note", "valid_to"}),
    remarks=(
        "Prices are appended: only `note` and `valid_to` change later, and of a model or a "
        "deployment no two begin at the same time. Metering keeps what it was told of a price that "
        "is deleted."
    ),
)
API_KEY = Kind(
    word="api_key",
    segment="keys",
    id_prefix="key",
    spec=ApiKeySpec,
    new=schemas.NewApiKey,
    view=ApiKey,
    created=CreatedApiKey,
    page=Page[ApiKey],
    table=tables.API_KEY,
    topic=API_KEYS,
    references=(Reference("models", "model", many=True),),
    remarks=(
        "The answer is the only one that has the key: what is kept is its SHA-256. The answer to a "
        "repeated `Idempotency-Key` has null in its place. `models` null is all models."
    ),
)

IN_WORKSPACES = (PROVIDER, MODEL, DEPLOYMENT, PRICE, API_KEY)
"""The kinds whose resources lie in a workspace, in an order in which they can be created."""

KINDS = (WORKSPACE, *IN_WORKSPACES)

"""HTTP shapes that only the registry has."""

from typing import Literal

from pydantic import JsonValue

from tollway_contracts.resources import (
    ApiKeySpec,
    DeploymentSpec,
    ModelSpec,
    PriceSpec,
    ProviderSpec,
    Revision,
    WorkspaceSpec,
)
from tollway_contracts.vocabulary import ModelName, Name
from tollway_contracts.wire import Instant, Wire

ResourceWord = Literal["workspace", "provider", "model", "deployment", "price", "api_key"]


class NewResource(Wire):
    """A specification with the name that the resource will have for ever."""

    name: str


class NewWorkspace(WorkspaceSpec, NewResource):
    """The body of a workspace's creation."""

    name: Name


class NewProvider(ProviderSpec, NewResource):
    """The body of a provider's creation."""

    name: Name


class NewModel(ModelSpec, NewResource):
    """The body of a model's creation."""

    name: ModelName


class NewDeployment(DeploymentSpec, NewResource):
    """The body of a deployment's creation."""

    name: Name


class NewPrice(PriceSpec, NewResource):
    """The body of a price's creation."""

    name: Name


class NewApiKey(ApiKeySpec, NewResource):
    """The body of an API key's creation."""

    name: Name


class Change(Wire):
    """One write: who, when, and the specification before and after.

    `before` is None for a creation, `after` for a deletion, whose `revision` is the last one.
    """

    id: str
    workspace: Name
    resource: ResourceWord
    resource_id: str
    name: str
    revision: Revision
    actor: str
    at: Instant
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue] | None

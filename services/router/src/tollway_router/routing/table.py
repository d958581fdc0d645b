"""The route table: all that routing needs to know, immutable, replaced as a whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec
import structlog

from tollway_contracts.events import ApiKeyChanged
from tollway_contracts.resources import (
    Deployment,
    Model,
    Price,
    Provider,
    RegistryResource,
    Workspace,
)
from tollway_router.codecs.codec import Quirks, Target
from tollway_router.upstream.specs import SPECS, SpecRow

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """A deployment with the model and the provider that it names, ready to be called."""

    model: Model
    deployment: Deployment
    provider: Provider
    spec: SpecRow
    address: str
    target: Target

    @property
    def credential(self) -> str | None:
        """The name of the credential to use: the deployment's own, or else the provider's."""
        return self.deployment.credential or self.provider.credential


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model and its routes; none where no deployment has its provider yet."""

    model: Model
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class RouteTable:
    """API keys by the SHA-256 of the key (hex), models by workspace and name."""

    keys: Mapping[str, ApiKeyChanged] = field(default_factory=dict)
    models: Mapping[tuple[str, str], ModelEntry] = field(default_factory=dict)

    def models_of(self, key: ApiKeyChanged) -> list[Model]:
        """Return the models that a key may use, by name."""
        found = (
            entry.model
            for (workspace, name), entry in self.models.items()
            if workspace == key.workspace and (key.models is None or name in key.models)
        )
        return sorted(found, key=lambda model: model.name)


def build_table(resources: Iterable[RegistryResource], keys: Iterable[ApiKeyChanged]) -> RouteTable:
    """Join the present states into a table. A deployment that lacks its model or provider waits."""
    models: dict[tuple[str, str], Model] = {}
    providers: dict[tuple[str, str], Provider] = {}
    deployments: list[Deployment] = []
    for resource in resources:
        match resource:
            case Model():
                models[resource.workspace, resource.name] = resource
            case Provider():
                providers[resource.workspace, resource.name] = resource
            case Deployment():
                deployments.append(resource)
            case Workspace() | Price():
                pass
    routes: dict[tuple[str, str], list[Route]] = {name: [] for name in models}
    for deployment in sorted(deployments, key=lambda item: item.name):
        name = (deployment.workspace, deployment.model)
        provider = providers.get((deployment.workspace, deployment.provider))
        route = (
            make_route(models[name], deployment, provider) if name in models and provider else None
        )
        if route is not None:
            routes[name].append(route)
    entries = {name: ModelEntry(models[name], tuple(found)) for name, found in routes.items()}
    return RouteTable(
        MappingProxyType({key.sha256: key for key in keys}), MappingProxyType(entries)
    )


def make_route(model: Model, deployment: Deployment, provider: Provider) -> Route | None:
    """Work out all that a call needs; None, with a log line, for a spec that is not served."""
    spec = SPECS.get(provider.spec)
    if spec is None:
        log.warning("spec not served by this router", spec=provider.spec, provider=provider.name)
        return None
    wanted = deployment.upstream_model
    target = Target(
        upstream_model=provider.model_id_mapping.get(wanted, wanted),
        on_unsupported=deployment.on_unsupported.value,
        supports_temperature=model.capabilities.temperature,
        supports_tools=model.capabilities.tools,
        max_output_tokens=model.max_output_tokens,
        quirks=_quirks(provider),
    )
    address = spec.address(provider.base_url or spec.native_base_url)
    return Route(model, deployment, provider, spec, address, target)


def _quirks(provider: Provider) -> Quirks:
    try:
        return msgspec.convert(provider.options.get("quirks", {}), Quirks)
    except msgspec.ValidationError as error:
        log.warning("provider's quirks not understood", provider=provider.name, error=str(error))
        return Quirks()

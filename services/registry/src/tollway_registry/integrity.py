"""What must hold between the resources of a workspace. Asked under the workspace's lock."""

from dataclasses import dataclass

from tollway_contracts.resources import (
    DeploymentSpec,
    ModelSpec,
    PriceSpec,
    ProviderSpec,
    WorkspaceSpec,
)
from tollway_contracts.wire import Wire
from tollway_kit.errors import Invalid
from tollway_registry.errors import CustomModelsBarred, InUse, UnknownReference
from tollway_registry.kinds import DEPLOYMENT, KINDS, WORKSPACE, Kind, Row
from tollway_registry.rules import fallback_cycle, is_custom
from tollway_registry.store import Store

_KIND_OF = {kind.word: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Integrity:
    """The checks of one write in one workspace."""

    store: Store
    workspace: Row

    async def check(self, kind: Kind, name: str, spec: Wire, before: Wire | None) -> None:
        """Raise where a new or changed specification does not fit the other resources."""
        await self._check_references(kind, spec)
        match spec:
            case ProviderSpec():
                self._check_origin(spec, before)
            case ModelSpec():
                await self._check_fallbacks(name, spec)
            case DeploymentSpec():
                await self._check_priced_model(name, spec, before)
            case PriceSpec():
                await self._check_price(spec)
            case _:
                pass

    async def check_unused(self, kind: Kind, name: str) -> None:
        """Raise InUse where something depends on a resource."""
        if kind is WORKSPACE:
            found = await self.store.residents(name)
        else:
            found = await self.store.dependents(kind, self.workspace.name, name)
        if found:
            msg = f"Still needed by {', '.join(found)}; delete or change that first."
            raise InUse(msg)

    async def _check_references(self, kind: Kind, spec: Wire) -> None:
        for reference in kind.references:
            target = _KIND_OF[reference.target]
            names = reference.names(spec)
            existing = await self.store.existing(target, self.workspace.name, names)
            missing = sorted(set(names) - existing)
            if missing:
                msg = f"{reference.field}: the workspace has no {target.word} {', '.join(missing)}."
                raise UnknownReference(msg)

    def _check_origin(self, spec: ProviderSpec, before: Wire | None) -> None:
        settings = self.workspace.spec
        barred = isinstance(settings, WorkspaceSpec) and settings.custom_models == "barred"
        becomes_custom = is_custom(spec) and not (before is not None and is_custom(before))
        if barred and becomes_custom:
            msg = "origin: the workspace bars custom providers; only native ones are allowed."
            raise CustomModelsBarred(msg)

    async def _check_fallbacks(self, name: str, spec: ModelSpec) -> None:
        if not spec.fallbacks:
            return
        all_fallbacks = await self.store.fallbacks(self.workspace.name)
        cycle = fallback_cycle({**all_fallbacks, name: spec.fallbacks}, name)
        if cycle:
            msg = f"fallbacks: they would go in a circle: {' -> '.join(cycle)}."
            raise Invalid(msg)

    async def _check_priced_model(
        self, name: str, spec: DeploymentSpec, before: Wire | None
    ) -> None:
        if isinstance(before, DeploymentSpec) and before.model != spec.model:
            prices = await self.store.dependents(DEPLOYMENT, self.workspace.name, name)
            if prices:
                msg = f"model: priced by {', '.join(prices)}; make another deployment instead."
                raise InUse(msg)

    async def _check_price(self, spec: PriceSpec) -> None:
        if spec.deployment is None:
            return
        deployment = await self.store.get(DEPLOYMENT, self.workspace.name, spec.deployment)
        served = deployment.spec
        if isinstance(served, DeploymentSpec) and served.model != spec.model:
            msg = f"deployment: {spec.deployment} serves {served.model}, not {spec.model}."
            raise Invalid(msg)

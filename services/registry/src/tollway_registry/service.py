"""The registry's use-cases. Each write is one transaction: state, history and event together."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from tollway_contracts.http import CreatedApiKey
from tollway_contracts.resources import Resource
from tollway_contracts.wire import Wire
from tollway_kit.errors import Invalid
from tollway_kit.idempotency import Idempotency, WriteKey
from tollway_kit.ids import new_id
from tollway_kit.outbox import Outbox
from tollway_kit.revisions import check_revision
from tollway_registry import events, keys
from tollway_registry.history import Filter, History
from tollway_registry.integrity import Integrity
from tollway_registry.kinds import API_KEY, WORKSPACE, Kind, Row
from tollway_registry.rules import check_change, check_spec
from tollway_registry.schemas import Change, NewResource
from tollway_registry.store import Store, no_workspace

MAX_RESOURCE_BYTES = 256 * 1024
"""As an event; a broker takes records of 1 MB."""

Item = TypeVar("Item")
Revise = Callable[[Wire], Wire]
"""Makes the new specification from the present one."""


@dataclass(frozen=True, slots=True)
class Write:
    """The circumstances of a write: where, by whom, under which conditions."""

    workspace: str
    actor: str
    if_match: str | None = None
    key: WriteKey | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The outcome of a write. `replayed` where an earlier request of the same key did it."""

    resource: Resource
    replayed: bool


@dataclass(frozen=True, slots=True)
class Listed(Generic[Item]):
    """A part of a list. `last` is the sort key that more comes after, None at the end."""

    items: list[Item]
    last: str | None


class Registry:
    """Everything that can be done with resources."""

    def __init__(self, engine: AsyncEngine, outbox: Outbox, writes: Idempotency) -> None:
        self._engine = engine
        self._outbox = outbox
        self._writes = writes

    async def get(self, kind: Kind, workspace: str, name: str) -> Resource:
        """Return one resource. Raises NotFound."""
        async with self._engine.connect() as connection:
            return (await Store(connection).get(kind, workspace, name)).seen_as(kind.view)

    async def page(
        self, kind: Kind, workspace: str, after: str | None, limit: int
    ) -> Listed[Resource]:
        """Return resources by name. Raises NotFound for an unknown workspace."""
        async with self._engine.connect() as connection:
            store = Store(connection)
            rows = await store.page(kind, workspace, after, limit + 1)
            if not rows and not await store.has_workspace(workspace):
                raise no_workspace()
        return _listed(kind, rows, limit)

    async def workspaces(
        self, names: Collection[str] | None, after: str | None, limit: int
    ) -> Listed[Resource]:
        """Return those of the named workspaces that exist, by name; None is all."""
        async with self._engine.connect() as connection:
            rows = await Store(connection).workspaces(names, after, limit + 1)
        return _listed(WORKSPACE, rows, limit)

    async def changes(
        self, workspace: str, wanted: Filter, before: int | None, limit: int
    ) -> Listed[Change]:
        """Return a workspace's changes, the latest first."""
        async with self._engine.connect() as connection:
            if not await Store(connection).has_workspace(workspace):
                raise no_workspace()
            rows = await History(connection).page(workspace, wanted, before, limit + 1)
        shown = rows[:limit]
        last = str(shown[-1][0]) if len(rows) > limit else None
        return Listed([change for _, change in shown], last)

    async def create(self, kind: Kind, new: NewResource, write: Write) -> Written:
        """Create a resource. An API key is in the answer of the write itself, never of a replay."""
        check_spec(new.name, new)
        minted = keys.mint() if kind is API_KEY else None
        async with self._engine.begin() as connection:
            store = Store(connection)

            async def insert() -> bytes:
                row = _new_row(kind, new, write.workspace, minted.facts if minted else {})
                _check_size(kind, row)
                if kind is not WORKSPACE:
                    workspace = await store.lock(write.workspace)
                    await Integrity(store, workspace).check(kind, new.name, new, None)
                await store.insert(kind, row)
                await self._record(store, kind, None, row, write.actor)
                # What is stored as the answer never has the key.
                return row.seen_as(kind.created, **({"key": None} if minted else {})).to_json()

            answer, replayed = await self._writes.once(connection, write.key, insert)
        created = kind.created.from_newer(answer)
        if minted and not replayed and isinstance(created, CreatedApiKey):
            created = created.model_copy(update={"key": minted.plain})
        return Written(created, replayed)

    async def change(self, kind: Kind, name: str, revise: Revise, write: Write) -> Written:
        """Change a resource. What changes nothing takes no revision and tells nobody."""
        async with self._engine.begin() as connection:
            store = Store(connection)

            async def update() -> bytes:
                workspace = await store.lock(write.workspace)
                before = await store.get(kind, write.workspace, name)
                check_revision(write.if_match, before.revision)
                spec = revise(before.spec)
                if spec == before.spec:
                    return before.seen_as(kind.view).to_json()
                check_spec(name, spec)
                check_change(kind, before.spec, spec)
                await Integrity(store, workspace).check(kind, name, spec, before.spec)
                after = replace(
                    before, spec=spec, revision=before.revision + 1, updated_at=datetime.now(UTC)
                )
                _check_size(kind, after)
                await store.update(kind, after)
                await self._record(store, kind, before, after, write.actor)
                return after.seen_as(kind.view).to_json()

            answer, replayed = await self._writes.once(connection, write.key, update)
        return Written(kind.view.from_newer(answer), replayed)

    async def delete(self, kind: Kind, name: str, write: Write) -> bool:
        """Delete a resource; return whether it was an earlier request that did."""
        async with self._engine.begin() as connection:
            store = Store(connection)

            async def delete() -> bytes:
                workspace = await store.lock(write.workspace)
                before = await store.get(kind, write.workspace, name)
                check_revision(write.if_match, before.revision)
                await Integrity(store, workspace).check_unused(kind, name)
                await store.delete(kind, before)
                await self._record(store, kind, before, None, write.actor)
                return b""

            _, replayed = await self._writes.once(connection, write.key, delete)
        return replayed

    async def _record(
        self, store: Store, kind: Kind, before: Row | None, after: Row | None, actor: str
    ) -> None:
        at = after.updated_at if after else datetime.now(UTC)
        await History(store.connection).add(kind, before=before, after=after, actor=actor, at=at)
        if after is not None:
            event = events.changed(kind, after)
        elif before is not None:
            event = events.deleted(kind, before)
        await self._outbox.put(store.connection, event)


def _listed(kind: Kind, rows: list[Row], limit: int) -> Listed[Resource]:
    shown = rows[:limit]
    last = shown[-1].name if len(rows) > limit else None
    return Listed([row.seen_as(kind.view) for row in shown], last)


def _new_row(kind: Kind, new: NewResource, workspace: str, facts: Mapping[str, str]) -> Row:
    now = datetime.now(UTC)
    return Row(
        id=new.name if kind is WORKSPACE else new_id(kind.id_prefix),
        workspace=workspace,
        name=new.name,
        revision=1,
        created_at=now,
        updated_at=now,
        spec=new,
        facts=facts,
    )


def _check_size(kind: Kind, row: Row) -> None:
    if len(events.body(kind, row)) > MAX_RESOURCE_BYTES:
        msg = f"A resource has {MAX_RESOURCE_BYTES} bytes at most."
        raise Invalid(msg)

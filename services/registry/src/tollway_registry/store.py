"""The resources' SQL. Every statement stays in one workspace but where its docstring says so."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import ColumnElement, and_, delete, insert, literal, select, union_all, update
from sqlalchemy import Row as SqlRow
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_contracts.resources import Resource, plain
from tollway_kit.errors import AlreadyExists, NotFound
from tollway_registry.errors import InUse
from tollway_registry.kinds import IN_WORKSPACES, MODEL, WORKSPACE, Kind, Reference, Row

NAMED = 5
"""How many dependents an answer names."""


@dataclass(frozen=True, slots=True)
class Store:
    """The resources, in one transaction."""

    connection: AsyncConnection

    async def lock(self, workspace: str) -> Row:
        """Return the workspace, locked: its writes happen one after the other until we commit.

        So a revision is taken once, what was checked stays true, and events leave in order.
        """
        table = WORKSPACE.table
        statement = select(table).where(table.c.name == workspace)
        locked = statement.with_for_update(key_share=True)  # new rows may refer to it meanwhile
        row = (await self.connection.execute(locked)).one_or_none()
        if row is None:
            raise no_workspace()
        return _row(WORKSPACE, row)

    async def has_workspace(self, workspace: str) -> bool:
        """Whether the workspace exists."""
        table = WORKSPACE.table
        statement = select(table.c.name).where(table.c.name == workspace)
        return (await self.connection.execute(statement)).scalar_one_or_none() is not None

    async def get(self, kind: Kind, workspace: str, name: str) -> Row:
        """Return one resource. Raises NotFound."""
        statement = select(kind.table).where(_is(kind, workspace, name))
        row = (await self.connection.execute(statement)).one_or_none()
        if row is None:
            msg = f"There is no {kind.word} of this name in the workspace."
            raise NotFound(msg)
        return _row(kind, row)

    async def page(self, kind: Kind, workspace: str, after: str | None, limit: int) -> list[Row]:
        """Return up to `limit` resources by name, from the one after `after`."""
        table = kind.table
        statement = select(table).where(table.c.workspace == workspace)
        return await self._page(kind, statement, after, limit)

    async def workspaces(
        self, names: Collection[str] | None, after: str | None, limit: int
    ) -> list[Row]:
        """Return up to `limit` of the named workspaces, None for all, from the one after `after`.

        Across workspaces: the caller says which ones.
        """
        statement = select(WORKSPACE.table)
        if names is not None:
            statement = statement.where(WORKSPACE.table.c.name.in_(names))
        return await self._page(WORKSPACE, statement, after, limit)

    async def everything(self, kind: Kind) -> list[Row]:
        """Return all resources of a kind. Across workspaces: what fills a topic anew."""
        return [_row(kind, row) for row in await self.connection.execute(select(kind.table))]

    async def insert(self, kind: Kind, row: Row) -> None:
        """Store a new resource. Raises AlreadyExists."""
        try:
            await self.connection.execute(insert(kind.table).values(_columns(kind, row)))
        except IntegrityError as error:
            raise _explained(kind, row, error) from error

    async def update(self, kind: Kind, row: Row) -> None:
        """Store a resource's new state."""
        statement = update(kind.table).where(_is(kind, row.workspace, row.name))
        try:
            await self.connection.execute(statement.values(_columns(kind, row)))
        except IntegrityError as error:
            raise _explained(kind, row, error) from error

    async def delete(self, kind: Kind, row: Row) -> None:
        """Delete a resource."""
        try:
            await self.connection.execute(
                delete(kind.table).where(_is(kind, row.workspace, row.name))
            )
        except IntegrityError as error:
            raise _explained(kind, row, error) from error

    async def existing(self, kind: Kind, workspace: str, names: Collection[str]) -> set[str]:
        """Return which of the names exist."""
        table = kind.table
        statement = select(table.c.name).where(
            table.c.workspace == workspace, table.c.name.in_(names)
        )
        return set((await self.connection.execute(statement)).scalars())

    async def dependents(self, kind: Kind, workspace: str, name: str) -> list[str]:
        """Return the first few resources that name this one, as `kind name`."""
        selects = [
            select(literal(other.word), other.table.c.name).where(
                other.table.c.workspace == workspace, _names(other, reference, name)
            )
            for other in IN_WORKSPACES
            for reference in other.references
            if reference.target == kind.word
        ]
        return await self._listed(selects)

    async def residents(self, workspace: str) -> list[str]:
        """Return the first few resources in a workspace, as `kind name`."""
        selects = [
            select(literal(kind.word), kind.table.c.name).where(kind.table.c.workspace == workspace)
            for kind in IN_WORKSPACES
        ]
        return await self._listed(selects)

    async def fallbacks(self, workspace: str) -> dict[str, list[str]]:
        """Return the fallbacks of each model that has some."""
        table = MODEL.table
        fallbacks = table.c.spec["fallbacks"]
        statement = select(table.c.name, fallbacks).where(
            table.c.workspace == workspace, fallbacks != literal([], JSONB)
        )
        rows = await self.connection.execute(statement)
        return {row[0]: row[1] for row in rows}

    async def _listed(self, selects: Sequence[Any]) -> list[str]:
        if not selects:
            return []
        rows = await self.connection.execute(union_all(*selects).limit(NAMED))
        return [f"{word} {name}" for word, name in rows]

    async def _page(self, kind: Kind, statement: Any, after: str | None, limit: int) -> list[Row]:
        name = kind.table.c.name
        if after is not None:
            statement = statement.where(name > after)
        rows = await self.connection.execute(statement.order_by(name).limit(limit))
        return [_row(kind, row) for row in rows]


def no_workspace() -> NotFound:
    """Return the error for a workspace that does not exist."""
    return NotFound("There is no such workspace.")


def _is(kind: Kind, workspace: str, name: str) -> ColumnElement[bool]:
    return and_(kind.table.c.workspace == workspace, kind.table.c.name == name)


def _names(kind: Kind, reference: Reference, name: str) -> ColumnElement[bool]:
    if reference.many:
        listed: ColumnElement[bool] = kind.table.c.spec[reference.field].contains([name])
        return listed
    return kind.table.c[reference.field] == name


def _columns(kind: Kind, row: Row) -> dict[str, Any]:
    common = {name: getattr(row, name) for name in Resource.model_fields}
    guarded = {field: getattr(row.spec, field) for field in kind.guarded}
    return {**common, "name": row.name, "spec": plain(row.spec), **guarded, **row.facts}


def _row(kind: Kind, row: SqlRow[Any]) -> Row:
    values = row._asdict()
    common = {name: values.pop(name) for name in (*Resource.model_fields, "name")}
    spec = kind.spec.model_validate(values.pop("spec"), extra="ignore")
    facts = {name: value for name, value in values.items() if name not in kind.guarded}
    return Row(**common, spec=spec, facts=facts)


def _explained(kind: Kind, row: Row, error: IntegrityError) -> AlreadyExists | InUse:
    if not isinstance(error.orig, UniqueViolation):
        return InUse("Something else depends on it, or on what this changes.")
    constraint = error.orig.diag.constraint_name or ""
    if constraint.endswith("valid_from"):
        return AlreadyExists("valid_from: another price of the model or deployment begins then.")
    return AlreadyExists(f"There is a {kind.word} '{row.name}' already.")

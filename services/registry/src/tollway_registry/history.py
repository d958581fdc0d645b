"""Who changed what: one row per write, in the transaction of the write."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_contracts.resources import plain
from tollway_kit.ids import new_id
from tollway_registry.kinds import WORKSPACE, Kind, Row
from tollway_registry.schemas import Change
from tollway_registry.tables import CHANGE


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes of a workspace are asked for; None is all."""

    resource: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The changes, in one transaction."""

    connection: AsyncConnection

    async def add(
        self, kind: Kind, *, before: Row | None, after: Row | None, actor: str, at: datetime
    ) -> None:
        """Remember a creation (no `before`), a change or a deletion (no `after`)."""
        row = after or before
        if row is None:
            msg = "a change has a before or an after"
            raise ValueError(msg)
        values = {
            "id": new_id("chg"),
            "workspace": row.workspace,
            "resource": kind.word,
            "resource_id": row.id,
            "name": row.name,
            "revision": row.revision,
            "actor": actor,
            "at": at,
            "before": before and plain(before.spec),
            "after": after and plain(after.spec),
        }
        await self.connection.execute(insert(CHANGE).values(values))

    async def page(
        self, workspace: str, wanted: Filter, before: int | None, limit: int
    ) -> list[tuple[int, Change]]:
        """Return up to `limit` changes with their positions, the latest first.

        Only those since the workspace was made: an earlier one of its name was another tenant.
        """
        made = select(WORKSPACE.table.c.created_at).where(WORKSPACE.table.c.name == workspace)
        statement = select(CHANGE).where(
            CHANGE.c.workspace == workspace, CHANGE.c.at >= made.scalar_subquery()
        )
        if wanted.resource is not None:
            statement = statement.where(CHANGE.c.resource == wanted.resource)
        if wanted.name is not None:
            statement = statement.where(CHANGE.c.name == wanted.name)
        if before is not None:
            statement = statement.where(CHANGE.c.position < before)
        statement = statement.order_by(CHANGE.c.position.desc()).limit(limit)
        rows = (await self.connection.execute(statement)).all()
        fields = Change.model_fields
        return [
            (row.position, Change.model_validate({name: getattr(row, name) for name in fields}))
            for row in rows
        ]

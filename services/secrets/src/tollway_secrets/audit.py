"""The record of who did what to which credential, kept in the transaction of the deed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_secrets.schemas import AuditEntry
from tollway_secrets.tables import audit

Action = Literal["create", "rotate", "delete", "read-material", "rotate-key", "rewrap"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the subject of a person's or a service's token."""

    subject: str
    kind: Literal["person", "service"] = "person"


@dataclass(frozen=True, slots=True)
class Deed:
    """What happened. One that failed is recorded where somebody should look into it."""

    action: Action
    credential_id: str | None = None
    credential: str | None = None
    outcome: Literal["done", "unreadable"] = "done"
    detail: dict[str, int | str] = field(default_factory=dict)


async def record(connection: AsyncConnection, workspace: str, actor: Actor, deed: Deed) -> None:
    """Add an entry in the caller's transaction."""
    await connection.execute(
        insert(audit).values(
            workspace=workspace,
            actor=actor.subject,
            actor_kind=actor.kind,
            action=deed.action,
            outcome=deed.outcome,
            credential_id=deed.credential_id,
            credential=deed.credential,
            detail=deed.detail,
        )
    )


async def entries(
    connection: AsyncConnection, workspace: str, *, before: int | None, limit: int
) -> Sequence[AuditEntry]:
    """Return entries, newest first, older than the one at position `before`."""
    statement = select(audit).where(audit.c.workspace == workspace)
    if before is not None:
        statement = statement.where(audit.c.position < before)
    statement = statement.order_by(audit.c.position.desc()).limit(limit)
    return [_entry(row) for row in await connection.execute(statement)]


def _entry(row: Row[tuple[object, ...]]) -> AuditEntry:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return AuditEntry(id=str(values.pop("position")), **values)

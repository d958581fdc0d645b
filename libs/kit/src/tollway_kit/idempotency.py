"""`Idempotency-Key`: a write that is sent twice happens once and is answered twice.

The answer is stored in the transaction of the write. A second request that comes while the first
runs waits for it, by the primary key.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    LargeBinary,
    MetaData,
    String,
    Table,
    and_,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_kit.errors import Invalid

MAX_LENGTH = 255


@dataclass(frozen=True, slots=True)
class WriteKey:
    """What a caller sent to name a write: the header's value and what the request was."""

    workspace: str
    value: str
    fingerprint: str

    @classmethod
    def of(cls, workspace: str, value: str | None, *request: str | bytes) -> "WriteKey | None":
        """Return the key of a request, None where the caller sent none."""
        if value is None:
            return None
        if not 0 < len(value) <= MAX_LENGTH or not value.isprintable():
            msg = f"Idempotency-Key must have 1 to {MAX_LENGTH} printable characters."
            raise Invalid(msg)
        digest = hashlib.sha256()
        for part in request:
            digest.update(part if isinstance(part, bytes) else part.encode())
            digest.update(b"\0")
        return cls(workspace, value, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The table of answered writes. A service's migration creates it as it stands here."""

    writes: Table

    @classmethod
    def in_metadata(cls, metadata: MetaData) -> "Idempotency":
        """Define the table in a service's metadata."""
        writes = Table(
            "idempotent_write",
            metadata,
            Column("workspace", String, primary_key=True),
            Column("key", String, primary_key=True),
            Column("fingerprint", String, nullable=False),
            Column("answer", LargeBinary),
            Column("stored_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        )
        return cls(writes)

    async def once(
        self,
        connection: AsyncConnection,
        key: WriteKey | None,
        write: Callable[[], Awaitable[bytes]],
    ) -> tuple[bytes, bool]:
        """Run `write` unless it was run under this key; return its answer, and whether it is old.

        Raises Invalid where the key was used for another request.
        """
        if key is None:
            return await write(), False
        mine = insert(self.writes).values(
            workspace=key.workspace, key=key.value, fingerprint=key.fingerprint
        )
        # By what it returns: SQLAlchemy does not count an INSERT's rows.
        claimed = mine.on_conflict_do_nothing().returning(self.writes.c.key)
        if (await connection.execute(claimed)).first() is not None:
            answer = await write()
            await connection.execute(update(self.writes).where(self._is(key)).values(answer=answer))
            return answer, False
        statement = select(self.writes.c.fingerprint, self.writes.c.answer).where(self._is(key))
        row = (await connection.execute(statement)).one()
        if row.fingerprint != key.fingerprint:
            msg = "This Idempotency-Key was used for another request."
            raise Invalid(msg)
        return row.answer, True

    def _is(self, key: WriteKey) -> ColumnElement[bool]:
        columns = self.writes.c
        return and_(columns.workspace == key.workspace, columns.key == key.value)

"""Credentials in PostgreSQL: ciphertext and what may be shown. Queries take a workspace."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_contracts.http import Credential
from tollway_contracts.vocabulary import CredentialType
from tollway_secrets.cipher import Sealed
from tollway_secrets.tables import credential


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A row."""

    id: str
    workspace: str
    name: str
    type: CredentialType
    hints: dict[str, str]
    ciphertext: str
    key_version: int
    version: int
    revision: int
    created_at: datetime
    updated_at: datetime

    @property
    def shown(self) -> Credential:
        """The credential as people see it."""
        return Credential(
            id=self.id,
            workspace=self.workspace,
            name=self.name,
            type=self.type,
            hints=self.hints,
            version=self.version,
            revision=self.revision,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


async def add(connection: AsyncConnection, row: StoredCredential) -> bool:
    """Add a row; return whether its name was free."""
    values = {name: getattr(row, name) for name in StoredCredential.__slots__}
    statement = (
        insert(credential)
        .values(values)
        .on_conflict_do_nothing(index_elements=["workspace", "name"])
        .returning(credential.c.id)
    )
    return (await connection.execute(statement)).first() is not None


async def find(
    connection: AsyncConnection, workspace: str, name: str, *, lock: bool = False
) -> StoredCredential | None:
    """Return a row, None where there is none. With `lock` nobody else changes it meanwhile."""
    statement = select(credential).where(
        credential.c.workspace == workspace, credential.c.name == name
    )
    found = (await connection.execute(statement.with_for_update() if lock else statement)).first()
    return None if found is None else _stored(found)


async def page(
    connection: AsyncConnection, workspace: str, *, after: str | None, limit: int
) -> Sequence[StoredCredential]:
    """Return rows by name, those after the name `after`."""
    statement = select(credential).where(credential.c.workspace == workspace)
    if after is not None:
        statement = statement.where(credential.c.name > after)
    statement = statement.order_by(credential.c.name).limit(limit)
    return [_stored(row) for row in await connection.execute(statement)]


async def replace(connection: AsyncConnection, row: StoredCredential) -> None:
    """Store a locked row's new state."""
    await connection.execute(
        update(credential)
        .where(credential.c.workspace == row.workspace, credential.c.id == row.id)
        .values(
            hints=row.hints,
            ciphertext=row.ciphertext,
            key_version=row.key_version,
            version=row.version,
            revision=row.revision,
            updated_at=row.updated_at,
        )
    )


async def remove(connection: AsyncConnection, workspace: str, credential_id: str) -> None:
    """Remove a row, its ciphertext with it."""
    await connection.execute(
        delete(credential).where(
            credential.c.workspace == workspace, credential.c.id == credential_id
        )
    )


async def count(connection: AsyncConnection, workspace: str) -> int:
    """Return how many credentials the workspace has."""
    statement = (
        select(func.count()).select_from(credential).where(credential.c.workspace == workspace)
    )
    return (await connection.execute(statement)).scalar_one()


async def outdated(
    connection: AsyncConnection, workspace: str, *, key_version: int, after: str, limit: int
) -> Sequence[StoredCredential]:
    """Return rows, by id after `after`, that an older version of the workspace's key encrypted."""
    statement = (
        select(credential)
        .where(
            credential.c.workspace == workspace,
            credential.c.key_version < key_version,
            credential.c.id > after,
        )
        .order_by(credential.c.id)
        .limit(limit)
    )
    return [_stored(row) for row in await connection.execute(statement)]


async def take_turn(connection: AsyncConnection, workspace: str) -> None:
    """Wait until no other transaction that has called this for the workspace is open."""
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"key of {workspace}", 0))
    await connection.execute(select(lock))


async def exchange(connection: AsyncConnection, old: StoredCredential, sealed: Sealed) -> bool:
    """Put a ciphertext in the place of the one in `old`; return whether that was still there."""
    changed = await connection.execute(
        update(credential)
        .where(
            credential.c.workspace == old.workspace,
            credential.c.id == old.id,
            credential.c.ciphertext == old.ciphertext,
        )
        .values(ciphertext=sealed.ciphertext, key_version=sealed.key_version)
    )
    return changed.rowcount == 1


async def every(connection: AsyncConnection) -> AsyncIterator[StoredCredential]:
    """Yield the rows of all workspaces: what the topic is filled with when its log was lost."""
    async for row in await connection.stream(select(credential).order_by(credential.c.id)):
        yield _stored(row)


def _stored(row: Row[tuple[object, ...]]) -> StoredCredential:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return StoredCredential(**{**values, "type": CredentialType(values["type"])})

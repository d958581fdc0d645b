"""The use-cases of credentials: create, read, rotate, delete, hand material to a router.

A write, its audit entry, its event and its stored answer are one transaction. The transaction is
open while Vault encrypts, so only so many writes run at once that others still get a connection.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tollway_contracts.http import Credential, CredentialMaterial, Page
from tollway_kit.errors import AlreadyExists, NotFound
from tollway_kit.idempotency import WriteKey
from tollway_kit.ids import new_id
from tollway_kit.paging import write_cursor
from tollway_kit.revisions import check_revision
from tollway_secrets import audit, data, events, store
from tollway_secrets.audit import Actor, Deed
from tollway_secrets.cipher import Cipher
from tollway_secrets.errors import Unreadable
from tollway_secrets.schemas import AuditEntry, CredentialPatch, CredentialSpec
from tollway_secrets.store import StoredCredential
from tollway_secrets.tables import idempotency, outbox


@dataclass(frozen=True, slots=True)
class Write:
    """What every write carries: where, who, and what the caller sent to guard it."""

    workspace: str
    actor: Actor
    key: WriteKey | None = None
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """The use-cases. `writes` bounds how many run at once."""

    engine: AsyncEngine
    cipher: Cipher
    writes: asyncio.Semaphore

    async def create(self, write: Write, spec: CredentialSpec) -> Credential:
        """Encrypt and store a credential. Raises AlreadyExists, InvalidData, VaultUnavailable."""
        fields = data.new_data(spec.type, spec.data)
        async with self.writes, self.engine.begin() as connection:
            answer, _ = await idempotency.once(
                connection, write.key, lambda: self._create(connection, write, spec, fields)
            )
        return Credential.from_newer(answer)

    async def page(self, workspace: str, *, after: str | None, limit: int) -> Page[Credential]:
        """Return a page of the workspace's credentials, by name."""
        async with self.engine.connect() as connection:
            rows = await store.page(connection, workspace, after=after, limit=limit + 1)
        more = write_cursor(rows[limit - 1].name) if len(rows) > limit else None
        return Page[Credential](items=tuple(row.shown for row in rows[:limit]), next=more)

    async def get(self, workspace: str, name: str) -> Credential:
        """Return a credential as people see it. Raises NotFound."""
        async with self.engine.connect() as connection:
            return (await _found(connection, workspace, name)).shown

    async def rotate(self, write: Write, name: str, patch: CredentialPatch) -> Credential:
        """Change a credential's data and count its version up; empty changes change nothing.

        Raises NotFound, StaleRevision, InvalidData, Unreadable, VaultUnavailable.
        """
        async with self.writes, self.engine.begin() as connection:
            answer, _ = await idempotency.once(
                connection, write.key, lambda: self._rotate(connection, write, name, patch)
            )
        return Credential.from_newer(answer)

    async def delete(self, write: Write, name: str) -> None:
        """Remove a credential and its ciphertext. Raises NotFound, StaleRevision."""
        async with self.engine.begin() as connection:
            await idempotency.once(
                connection, write.key, lambda: self._delete(connection, write, name)
            )

    async def material(self, workspace: str, name: str, actor: Actor) -> CredentialMaterial:
        """Decrypt a credential for a router, on the record.

        Raises NotFound, Unreadable, VaultUnavailable.
        """
        async with self.engine.connect() as connection:
            row = await _found(connection, workspace, name)
        deed = Deed("read-material", row.id, row.name, detail={"version": row.version})
        try:
            plain = await self.cipher.decrypt(workspace, row.id, row.ciphertext)
        except Unreadable:
            await self._record(workspace, actor, replace(deed, outcome="unreadable"))
            raise
        await self._record(workspace, actor, deed)
        return CredentialMaterial(id=row.id, version=row.version, type=row.type, data=plain)

    async def audit_entries(
        self, workspace: str, *, before: int | None, limit: int
    ) -> Page[AuditEntry]:
        """Return a page of the workspace's audit, newest first."""
        async with self.engine.connect() as connection:
            found = await audit.entries(connection, workspace, before=before, limit=limit + 1)
        more = write_cursor(found[limit - 1].id) if len(found) > limit else None
        return Page[AuditEntry](items=tuple(found[:limit]), next=more)

    async def _create(
        self,
        connection: AsyncConnection,
        write: Write,
        spec: CredentialSpec,
        fields: data.CredentialData,
    ) -> bytes:
        if await store.find(connection, write.workspace, spec.name) is not None:
            raise _taken(spec.name)
        credential_id = new_id("cred")
        sealed = await self.cipher.encrypt(write.workspace, credential_id, fields.plain())
        now = datetime.now(UTC)
        row = StoredCredential(
            id=credential_id,
            workspace=write.workspace,
            name=spec.name,
            type=spec.type,
            hints=fields.hints(),
            ciphertext=sealed.ciphertext,
            key_version=sealed.key_version,
            version=1,
            revision=1,
            created_at=now,
            updated_at=now,
        )
        if not await store.add(connection, row):
            raise _taken(spec.name)
        await audit.record(connection, write.workspace, write.actor, _done("create", row))
        await outbox.put(connection, events.changed(row, "created"))
        return row.shown.to_json()

    async def _rotate(
        self, connection: AsyncConnection, write: Write, name: str, patch: CredentialPatch
    ) -> bytes:
        old = await _found(connection, write.workspace, name, lock=True)
        check_revision(write.if_match, old.revision)
        changed = data.changes(old.type, patch.data)
        if not changed:
            return old.shown.to_json()
        fields = data.rotated(old.type, await self._kept(old, changed), changed)
        sealed = await self.cipher.encrypt(old.workspace, old.id, fields.plain())
        row = replace(
            old,
            hints=fields.hints(),
            ciphertext=sealed.ciphertext,
            key_version=sealed.key_version,
            version=old.version + 1,
            revision=old.revision + 1,
            updated_at=datetime.now(UTC),
        )
        await store.replace(connection, row)
        await audit.record(connection, write.workspace, write.actor, _done("rotate", row))
        await outbox.put(connection, events.changed(row, "rotated"))
        return row.shown.to_json()

    async def _kept(self, old: StoredCredential, changed: dict[str, str | None]) -> dict[str, str]:
        """Return what a rotation builds on. A whole new set mends what does not open any more."""
        if data.keeps_nothing(old.type, changed):
            return {}
        return await self.cipher.decrypt(old.workspace, old.id, old.ciphertext)

    async def _delete(self, connection: AsyncConnection, write: Write, name: str) -> bytes:
        row = await _found(connection, write.workspace, name, lock=True)
        check_revision(write.if_match, row.revision)
        await store.remove(connection, row.workspace, row.id)
        await audit.record(connection, write.workspace, write.actor, _done("delete", row))
        await outbox.put(connection, events.removed(row))
        return b""

    async def _record(self, workspace: str, actor: Actor, deed: Deed) -> None:
        async with self.engine.begin() as connection:
            await audit.record(connection, workspace, actor, deed)


async def _found(
    connection: AsyncConnection, workspace: str, name: str, *, lock: bool = False
) -> StoredCredential:
    row = await store.find(connection, workspace, name, lock=lock)
    if row is None:
        msg = f"The workspace has no credential {name}."
        raise NotFound(msg)
    return row


def _done(action: audit.Action, row: StoredCredential) -> Deed:
    return Deed(action, row.id, row.name, detail={"version": row.version})


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"The workspace already has a credential {name}.")

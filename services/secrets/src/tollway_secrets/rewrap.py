"""Brings a workspace's ciphertexts to the newest version of its Transit key, unseen.

Every batch is committed by itself: a run that is cut short has done what it has done, and the next
one continues. A credential that is rotated meanwhile keeps its new ciphertext.
"""

import asyncio
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from tollway_secrets import audit, store
from tollway_secrets.audit import Deed
from tollway_secrets.cipher import Cipher, Sealed
from tollway_secrets.errors import Unreadable
from tollway_secrets.schemas import RewrapReport
from tollway_secrets.service import Write
from tollway_secrets.store import StoredCredential
from tollway_secrets.tables import idempotency

BATCH = 50


@dataclass(slots=True)
class _Progress:
    """What a run has done so far."""

    rewrapped: int = 0
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rewrap:
    """The use-case. `writes` is the bound that it shares with the other writes."""

    engine: AsyncEngine
    cipher: Cipher
    writes: asyncio.Semaphore

    async def run(self, write: Write, *, rotate: bool) -> RewrapReport:
        """Rewrap what is not of the newest version, which `rotate` makes. Raises VaultUnavailable.

        A repeated request (by its idempotency key) does not rotate again.
        """
        async with self.engine.connect() as connection:
            if not await store.count(connection, write.workspace):
                return RewrapReport(key_version=None, rewrapped=0, current=0)
        newest = await self.cipher.newest_version(write.workspace)
        if rotate:
            newest = max(newest, await self._rotate(write))  # a repeated request tells its old one
        progress = _Progress()
        after = ""
        while rows := await self._outdated(write.workspace, newest, after):
            await self._rewrap(write, newest, rows, progress)
            after = rows[-1].id
        return await self._report(write.workspace, newest, progress)

    async def _rotate(self, write: Write) -> int:
        async with self.writes, self.engine.begin() as connection:

            async def rotate() -> bytes:
                # OpenBao lets one of two rotations of a key at the same time fail.
                await store.take_turn(connection, write.workspace)
                version = await self.cipher.rotate(write.workspace)
                deed = Deed("rotate-key", detail={"key_version": version})
                await audit.record(connection, write.workspace, write.actor, deed)
                return str(version).encode()

            answer, _ = await idempotency.once(connection, write.key, rotate)
        return int(answer)

    async def _outdated(self, workspace: str, newest: int, after: str) -> list[StoredCredential]:
        async with self.engine.connect() as connection:
            rows = await store.outdated(
                connection, workspace, key_version=newest, after=after, limit=BATCH
            )
        return list(rows)

    async def _rewrap(
        self, write: Write, newest: int, rows: list[StoredCredential], progress: _Progress
    ) -> None:
        pairs: list[tuple[StoredCredential, Sealed]] = []
        unreadable: list[StoredCredential] = []
        for row in rows:
            try:
                sealed = await self.cipher.rewrap(write.workspace, row.id, row.ciphertext)
            except Unreadable:
                unreadable.append(row)
            else:
                pairs.append((row, sealed))
        async with self.engine.begin() as connection:
            exchanged = [await store.exchange(connection, *pair) for pair in pairs]
            count = sum(exchanged)
            deed = Deed("rewrap", detail={"rewrapped": count, "key_version": newest})
            await audit.record(connection, write.workspace, write.actor, deed)
            for row in unreadable:
                failed = Deed("rewrap", row.id, row.name, "unreadable", {"key_version": newest})
                await audit.record(connection, write.workspace, write.actor, failed)
        progress.rewrapped += count
        progress.unreadable += [row.name for row in unreadable]

    async def _report(self, workspace: str, newest: int, progress: _Progress) -> RewrapReport:
        async with self.engine.connect() as connection:
            total = await store.count(connection, workspace)
        done = progress.rewrapped + len(progress.unreadable)
        return RewrapReport(
            key_version=newest,
            rewrapped=progress.rewrapped,
            current=max(0, total - done),
            unreadable=tuple(progress.unreadable),
        )

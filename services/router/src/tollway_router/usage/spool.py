"""The usage spool: an append-only SQLite file that a killed process cannot lose events from.

An event gets its sequence number here. `append` is synchronous on purpose: it runs in the `finally`
of a request whose task may be cancelled, and must be over before the answer's last byte is sent. It
costs some tens of microseconds, because it does not wait for the disk: the operating system holds
what was written even if this process is killed. `sync` is what a loss of power is bounded by.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tollway_kit.ids import new_id

FILE = "usage.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS producer (id TEXT NOT NULL, epoch INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,
    shipped_at REAL, PRIMARY KEY (epoch, sequence)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS event_waiting ON event (epoch, sequence) WHERE shipped_at IS NULL;
"""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Which process an event comes from and which of its events it is, from 1 without a gap."""

    producer: str
    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Spooled:
    """An event that waits to be shipped."""

    epoch: int
    sequence: int
    id: str
    body: bytes


class Spool:
    """One process's spool. The producer's id lives with the file; each opening is a new epoch."""

    def __init__(self, folder: Path, *, always_sync: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        self._path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={'FULL' if always_sync else 'NORMAL'}")
        self._db.executescript(_SCHEMA)
        self.producer, self.epoch = self._open_epoch()
        self._sequence = 0

    def append(self, event_id: str, body: Callable[[Numbers], bytes]) -> None:
        """Store an event, whose body is made once its numbers are known.

        Raises sqlite3.Error where it cannot be stored; then no number was used up.
        """
        with self._lock:
            numbers = Numbers(self.producer, self.epoch, self._sequence + 1)
            self._db.execute(
                "INSERT INTO event (epoch, sequence, id, body) VALUES (?, ?, ?, ?)",
                (numbers.epoch, numbers.sequence, event_id, body(numbers)),
            )
            self._sequence = numbers.sequence

    def waiting(self, limit: int) -> Sequence[Spooled]:
        """Return the oldest events that are not shipped, those of earlier epochs first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT epoch, sequence, id, body FROM event WHERE shipped_at IS NULL"
                " ORDER BY epoch, sequence LIMIT ?",
                (limit,),
            ).fetchall()
        return [Spooled(*row) for row in rows]

    def shipped(self, events: Sequence[Spooled]) -> None:
        """Mark events as shipped; they stay until `forget`."""
        now = time.time()
        with self._lock, self._db:
            self._db.execute("BEGIN")
            self._db.executemany(
                "UPDATE event SET shipped_at = ? WHERE epoch = ? AND sequence = ?",
                [(now, event.epoch, event.sequence) for event in events],
            )

    def forget(self, older_than_seconds: float) -> int:
        """Delete events that were shipped longer ago than that; return how many."""
        with self._lock:
            cursor = self._db.execute(
                "DELETE FROM event WHERE shipped_at < ?", (time.time() - older_than_seconds,)
            )
        return cursor.rowcount

    def depth(self) -> int:
        """Return how many events wait."""
        with self._lock:
            (count,) = self._db.execute(
                "SELECT count(*) FROM event WHERE shipped_at IS NULL"
            ).fetchone()
        return int(count)

    def sync(self) -> None:
        """Wait until what was appended so far has reached the disk."""
        log = self._path.with_name(FILE + "-wal")
        descriptor = os.open(log, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _open_epoch(self) -> tuple[str, int]:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            row = self._db.execute("SELECT id, epoch FROM producer").fetchone()
            producer, epoch = row or (new_id("rtr"), 0)
            self._db.execute("DELETE FROM producer")
            self._db.execute("INSERT INTO producer VALUES (?, ?)", (producer, epoch + 1))
        return producer, epoch + 1

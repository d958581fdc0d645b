"""The usage spool: a SQLite file that a killed process cannot lose usage from.

An attempt is opened before it is sent upstream and appended, as its event, when it has ended. What
was open when a process died becomes an event at the next start. An event gets its sequence number
when it is appended.

Both are synchronous on purpose: an attempt ends in the clean-up of a request whose task may be
cancelled, and must be recorded before the answer's last byte is sent. They cost tens of
microseconds, because they do not wait for the disk: the operating system holds what was written
even if this process is killed. `sync` is what a loss of power is bounded by.
"""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tollway_contracts.events import UsageRecorded
from tollway_kit.ids import new_id

FILE = "usage.sqlite"
BUSY_SECONDS = 0.05  # nobody else opens the file, and the event loop waits meanwhile
FORGET_AT_ONCE = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS producer (id TEXT NOT NULL, epoch INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS open_attempt (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,
    shipped_at REAL, rejected TEXT, PRIMARY KEY (epoch, sequence)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS event_waiting ON event (epoch, sequence)
    WHERE shipped_at IS NULL AND rejected IS NULL;
CREATE INDEX IF NOT EXISTS event_shipped ON event (shipped_at) WHERE shipped_at IS NOT NULL;
"""
_INSERT = "INSERT INTO event (epoch, sequence, id, body) VALUES (?, ?, ?, ?)"


class SpoolInUse(Exception):
    """Another router has this spool open."""


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
        self._lock_file = _locked(folder)
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
        )
        self._path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={'FULL' if always_sync else 'NORMAL'}")
        self._db.executescript(_SCHEMA)
        self._sequence = 0
        self.producer, self.epoch = self._open_epoch()
        self._waiting: int = self._db.execute(
            "SELECT count(*) FROM event WHERE shipped_at IS NULL AND rejected IS NULL"
        ).fetchone()[0]

    def open(self, attempt_id: str, interrupted: bytes) -> None:
        """Store the event that an attempt becomes if this process ends first.

        Raises sqlite3.Error where it cannot be stored.
        """
        with self._lock:
            self._db.execute("INSERT INTO open_attempt VALUES (?, ?)", (attempt_id, interrupted))

    def append(self, attempt_id: str, body: Callable[[Numbers], bytes]) -> None:
        """Store an ended attempt's event, whose body is made once its numbers are known.

        Raises sqlite3.Error where it cannot be stored; then no number was used up.
        """
        with self._lock:
            numbers = Numbers(self.producer, self.epoch, self._sequence + 1)
            row = (numbers.epoch, numbers.sequence, attempt_id, body(numbers))
            with _Transaction(self._db):
                self._db.execute(_INSERT, row)
                self._db.execute("DELETE FROM open_attempt WHERE id = ?", (attempt_id,))
            self._sequence = numbers.sequence
            self._waiting += 1

    def waiting(self, limit: int) -> Sequence[Spooled]:
        """Return the oldest events that are not shipped, those of earlier epochs first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT epoch, sequence, id, body FROM event"
                " WHERE shipped_at IS NULL AND rejected IS NULL ORDER BY epoch, sequence LIMIT ?",
                (limit,),
            ).fetchall()
        return [Spooled(*row) for row in rows]

    def shipped(self, events: Sequence[Spooled]) -> None:
        """Mark events as shipped; they stay until `forget`."""
        now = time.time()
        self._settle(events, "shipped_at", now)

    def rejected(self, event: Spooled, reason: str) -> None:
        """Set aside an event that Kafka will never take; it stays for a person to look at."""
        self._settle([event], "rejected", reason)

    def forget(self, older_than_seconds: float) -> int:
        """Delete events that were shipped longer ago than that, some at a time; return how many."""
        with self._lock:
            cursor = self._db.execute(
                "DELETE FROM event WHERE (epoch, sequence) IN"
                " (SELECT epoch, sequence FROM event WHERE shipped_at < ? LIMIT ?)",
                (time.time() - older_than_seconds, FORGET_AT_ONCE),
            )
        return cursor.rowcount

    def depth(self) -> int:
        """Return how many events wait."""
        return self._waiting

    def sync(self) -> None:
        """Wait until what was written so far has reached the disk."""
        log = self._path.with_name(FILE + "-wal")
        descriptor = os.open(log, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close the file, for another process to open."""
        with self._lock:
            self._db.close()
        os.close(self._lock_file)

    def _settle(self, events: Sequence[Spooled], column: str, value: float | str) -> None:
        with self._lock:
            with _Transaction(self._db):
                self._db.executemany(
                    f"UPDATE event SET {column} = ? WHERE epoch = ? AND sequence = ?",  # noqa: S608
                    [(value, event.epoch, event.sequence) for event in events],
                )
            self._waiting -= len(events)

    def _open_epoch(self) -> tuple[str, int]:
        with _Transaction(self._db):
            row = self._db.execute("SELECT id, epoch FROM producer").fetchone()
            producer, epoch = row or (new_id("rtr"), 0)
            self._db.execute("DELETE FROM producer")
            self._db.execute("INSERT INTO producer VALUES (?, ?)", (producer, epoch + 1))
            self._end_interrupted(producer, epoch + 1)
        return producer, epoch + 1

    def _end_interrupted(self, producer: str, epoch: int) -> None:
        """Turn what the process before left open into events of this one."""
        left = self._db.execute("SELECT id, body FROM open_attempt ORDER BY id").fetchall()
        for attempt_id, body in left:
            self._sequence += 1
            numbers = {"producer": producer, "epoch": epoch, "sequence": self._sequence}
            event = UsageRecorded.from_newer(body).model_copy(update=numbers)
            self._db.execute(_INSERT, (epoch, self._sequence, attempt_id, event.to_json()))
        self._db.execute("DELETE FROM open_attempt")


class _Transaction:
    """All or nothing. sqlite3's own context manager begins none."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._db.execute("COMMIT")
        elif self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _locked(folder: Path) -> int:
    """Take the folder's lock, which ends with the process however that ends."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        msg = f"the usage spool in {folder} is in use; give each router a TOLLWAY_SPOOL_DIR"
        raise SpoolInUse(msg) from error
    return descriptor

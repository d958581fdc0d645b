"""The simulator's own books: every token it gave out, counted where it was given.

Entries are kept up to a limit, the oldest leave first; totals count everything since the last
clearing and are exact whatever was dropped.
"""

from collections import Counter, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from tollway_simulator.usage import Usage

_Group = tuple[str, str, str]


class Entry(msgspec.Struct, frozen=True):
    """One answered request.

    `usage` is what a provider would bill: for a cut answer, its input and the output that was
    sent. `reported` tells how the answer itself spoke of it (`none`: not at all). `output_sent`
    are the output tokens that were written to the connection.
    """

    wire: str
    model: str
    script: str
    key: str
    request_id: str | None
    response_id: str
    streamed: bool
    usage: Usage
    reported: str
    complete: bool
    output_sent: int
    sequence: int = 0
    at: datetime | None = None


class Totals(msgspec.Struct):
    """Sums over answers. `requests` = `complete` + `cut`."""

    requests: int = 0
    complete: int = 0
    cut: int = 0
    output_sent: int = 0
    usage: dict[str, int] = msgspec.field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        self.requests += 1
        self.complete += entry.complete
        self.cut += not entry.complete
        self.output_sent += entry.output_sent
        for meter in Usage.__struct_fields__:
            self.usage[meter] = self.usage.get(meter, 0) + getattr(entry.usage, meter)


class Ledger:
    """Entries in order, with totals over all and by wire, model and key."""

    def __init__(self, capacity: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._sequence = 0
        self.clear()

    def clear(self) -> None:
        """Forget entries and totals; sequence numbers go on."""
        self._entries.clear()
        self._total = Totals()
        self._groups: dict[_Group, Totals] = {}
        self._refused: Counter[int] = Counter()
        self._abandoned = 0

    def record(self, entry: Entry) -> None:
        """Book an answer. Called before its last byte leaves, so that a reader never misses it."""
        self._sequence += 1
        booked = msgspec.structs.replace(entry, sequence=self._sequence, at=datetime.now(UTC))
        self._entries.append(booked)
        self._total.add(booked)
        group = (entry.wire, entry.model, entry.key)
        self._groups.setdefault(group, Totals()).add(booked)

    def refuse(self, status: int) -> None:
        """Count a request that got an error instead of an answer; it is not billed."""
        self._refused[status] += 1

    def abandon(self) -> None:
        """Count a request whose client left before the first byte; it is not billed."""
        self._abandoned += 1

    def page(self, since: int, limit: int) -> dict[str, Any]:
        """Entries after sequence `since`, oldest first, and the last sequence number given."""
        entries = list(self._after(since, limit))
        oldest = self._entries[0].sequence if self._entries else self._sequence + 1
        return {
            "entries": entries,
            "last": self._sequence,
            "oldest": oldest,
            "more": bool(entries) and entries[-1].sequence < self._sequence,
        }

    def totals(self) -> dict[str, Any]:
        """Totals over everything, and the same by wire, model and key."""
        groups = [
            {"wire": wire, "model": model, "key": key, **msgspec.structs.asdict(totals)}
            for (wire, model, key), totals in self._groups.items()
        ]
        return {
            **msgspec.structs.asdict(self._total),
            "last": self._sequence,
            "refused": dict(self._refused),
            "abandoned": self._abandoned,
            "groups": groups,
        }

    def _after(self, since: int, limit: int) -> Iterator[Entry]:
        if not self._entries:
            return
        start = max(0, since + 1 - self._entries[0].sequence)
        for index in range(start, min(start + limit, len(self._entries))):
            yield self._entries[index]

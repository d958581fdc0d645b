"""Transactional outbox: an event is stored with the change that it tells of, and published after.

The relay is one process at a time: it holds a row lock that others skip. So records leave in the
order in which they were stored, for every key. Kafka being away delays events and loses none.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_kit.kafka import Event

Snapshot = Callable[[AsyncConnection, str], AsyncIterator[Event]]
"""Yields an event for every present state of a compacted topic, given the topic's name."""

BATCH = 500


@dataclass(frozen=True, slots=True)
class Outbox:
    """The two tables of an outbox. A service's migration creates them as they stand here."""

    events: Table
    relay: Table

    @classmethod
    def in_metadata(cls, metadata: MetaData) -> "Outbox":
        """Define the tables in a service's metadata."""
        events = Table(
            "outbox_event",
            metadata,
            Column("position", BigInteger, Identity(always=True), primary_key=True),
            Column("topic", String, nullable=False),
            Column("key", String, nullable=False),
            Column("type", String, nullable=False),
            Column("source", String, nullable=False),
            Column("body", LargeBinary),
            Column("id", String, nullable=False),
            Column("time", String, nullable=False),
            Column("traceparent", String),
            Column("stored_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        )
        # One row, made by the migration. `offsets`: what it last saw of the compacted topics.
        relay = Table(
            "outbox_relay",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("offsets", JSON, nullable=False),
        )
        return cls(events, relay)

    async def put(self, connection: AsyncConnection, *events: Event) -> None:
        """Store events in the caller's transaction."""
        if events:
            await connection.execute(insert(self.events), [_row(event) for event in events])

    async def lead(self, connection: AsyncConnection) -> dict[str, int] | None:
        """Become the relay until the transaction ends; return the offsets, None if another is."""
        statement = select(self.relay.c.offsets).with_for_update(skip_locked=True)
        return (await connection.execute(statement)).scalar_one_or_none()

    async def waiting(self, connection: AsyncConnection) -> Sequence[tuple[int, Event]]:
        """Return the oldest stored events with their positions, in order."""
        statement = select(self.events).order_by(self.events.c.position).limit(BATCH)
        rows = (await connection.execute(statement)).all()
        return [(row.position, _event(row)) for row in rows]

    async def done(self, connection: AsyncConnection, positions: Sequence[int]) -> None:
        """Forget published events."""
        if positions:
            statement = delete(self.events).where(self.events.c.position.in_(positions))
            await connection.execute(statement)

    async def remember(self, connection: AsyncConnection, offsets: dict[str, int]) -> None:
        """Keep what the next leader is to compare the topics with."""
        await connection.execute(update(self.relay).values(offsets=offsets))

    async def count(self, connection: AsyncConnection) -> int:
        """Return how many events wait."""
        statement = select(func.count()).select_from(self.events)
        return (await connection.execute(statement)).scalar_one()


def _row(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in Event.__slots__}


def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(**{name: getattr(row, name) for name in Event.__slots__})

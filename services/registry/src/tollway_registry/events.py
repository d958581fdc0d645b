"""What the registry tells the other services: every resource's full state, or that it is gone."""

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_contracts.events import ApiKeyChanged, ResourceChanged
from tollway_contracts.resources import plain
from tollway_contracts.topics import API_KEYS
from tollway_kit.kafka import Event, new_event
from tollway_registry.kinds import KINDS, Kind, Row
from tollway_registry.store import Store

SOURCE = "registry"
TOPICS = tuple({kind.topic.name: kind.topic for kind in KINDS}.values())


def changed(kind: Kind, row: Row) -> Event:
    """Return the event of a resource's present state."""
    return new_event(kind.topic, _key(kind, row), body(kind, row), source=SOURCE)


def deleted(kind: Kind, row: Row) -> Event:
    """Return the tombstone of a resource."""
    return new_event(kind.topic, _key(kind, row), None, source=SOURCE)


def body(kind: Kind, row: Row) -> bytes:
    """Return a resource's state as events carry it."""
    if kind.topic is API_KEYS:
        return ApiKeyChanged(
            **plain(row.spec),
            id=row.id,
            workspace=row.workspace,
            name=row.name,
            sha256=row.facts["sha256"],
            revision=row.revision,
        ).to_json()
    return ResourceChanged.model_validate(row.seen_as(kind.view)).to_json()


async def snapshot(connection: AsyncConnection, topic: str) -> AsyncIterator[Event]:
    """Yield the present state of all that a topic tells of."""
    for kind in KINDS:
        if kind.topic.name == topic:
            for row in await Store(connection).everything(kind):
                yield changed(kind, row)


def _key(kind: Kind, row: Row) -> str:
    return row.id if kind.topic is API_KEYS else f"{row.workspace}/{row.id}"

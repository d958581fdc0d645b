"""What the service publishes: that a credential has a new version, or is gone. Never material."""

from collections.abc import AsyncIterator
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_contracts.events import CredentialChanged
from tollway_contracts.topics import CREDENTIALS
from tollway_kit.kafka import Event, new_event
from tollway_secrets import store
from tollway_secrets.store import StoredCredential

SOURCE = "secrets"


def changed(row: StoredCredential, reason: Literal["created", "rotated", "republished"]) -> Event:
    """Return the event of a credential's present version."""
    payload = CredentialChanged(
        id=row.id,
        workspace=row.workspace,
        name=row.name,
        type=row.type,
        version=row.version,
        reason=reason,
    )
    return new_event(CREDENTIALS, row.id, payload.to_json(), source=SOURCE)


def removed(row: StoredCredential) -> Event:
    """Return the tombstone of a credential."""
    return new_event(CREDENTIALS, row.id, None, source=SOURCE)


async def snapshot(connection: AsyncConnection, topic: str) -> AsyncIterator[Event]:
    """Yield the events that fill a lost topic anew."""
    if topic == CREDENTIALS.name:
        async for row in store.every(connection):
            yield changed(row, "republished")

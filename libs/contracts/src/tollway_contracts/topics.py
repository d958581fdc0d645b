"""The topic table: every topic's name, key, payload, retention, producers, consumers."""

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from tollway_contracts.events import (
    ApiKeyChanged,
    CredentialChanged,
    ResourceChanged,
    UsageRecorded,
)

_DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic. `retention_ms` is None where compaction keeps the last state of each key."""

    name: str
    key: str
    event_type: str
    payload: type[BaseModel] | None
    partitions: int
    retention_ms: int | None
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    dead_letter: str | None = None

    @property
    def compacted(self) -> bool:
        """Whether the topic keeps each key's last state for ever."""
        return self.retention_ms is None


MODELS: Final = Topic(
    name="tollway.models.v1",
    key="workspace/resource id",
    event_type="tollway.resource.changed.v1",
    payload=ResourceChanged,
    partitions=6,
    retention_ms=None,
    producers=("registry",),
    consumers=("router", "metering"),
)
API_KEYS: Final = Topic(
    name="tollway.apikeys.v1",
    key="key id",
    event_type="tollway.apikey.changed.v1",
    payload=ApiKeyChanged,
    partitions=6,
    retention_ms=None,
    producers=("registry",),
    consumers=("router",),
)
CREDENTIALS: Final = Topic(
    name="tollway.credentials.v1",
    key="credential id",
    event_type="tollway.credential.changed.v1",
    payload=CredentialChanged,
    partitions=6,
    retention_ms=None,
    producers=("secrets",),
    consumers=("router",),
)
USAGE: Final = Topic(
    name="tollway.usage.v1",
    key="usage event id",
    event_type="tollway.usage.recorded.v1",
    payload=UsageRecorded,
    partitions=12,
    retention_ms=7 * _DAY_MS,
    producers=("router",),
    consumers=("metering",),
    dead_letter="tollway.usage.v1.dlq",
)
USAGE_DEAD_LETTER: Final = Topic(
    name="tollway.usage.v1.dlq",
    key="usage event id",
    event_type="tollway.usage.rejected.v1",
    payload=None,  # the record as it came, whatever it was; the reason stands in a header
    partitions=1,
    retention_ms=30 * _DAY_MS,
    producers=("metering",),
    consumers=(),
)

TOPICS: Final = (MODELS, API_KEYS, CREDENTIALS, USAGE, USAGE_DEAD_LETTER)

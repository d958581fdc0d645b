"""Kafka: CloudEvents in binary mode, the producer, and topics that exist."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from tollway_contracts.topics import Topic
from tollway_kit.ids import new_id
from tollway_kit.settings import KafkaSettings
from tollway_kit.telemetry import traceparent

REQUEST_MS = 5_000
CLOUDEVENTS_VERSION = "1.0"
REPLICAS_THAT_CAN_LOSE_ONE = 3


@dataclass(frozen=True, slots=True)
class Event:
    """A record to publish. `body` None is a tombstone."""

    topic: str
    key: str
    type: str
    source: str
    body: bytes | None
    id: str
    time: str
    traceparent: str | None

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """The CloudEvents attributes, in Kafka's binary mode."""
        named = {
            "ce_specversion": CLOUDEVENTS_VERSION,
            "ce_id": self.id,
            "ce_type": self.type,
            "ce_source": self.source,
            "ce_time": self.time,
            "ce_subject": self.key,
            "content-type": "application/json",
        }
        if self.traceparent is not None:
            named["traceparent"] = self.traceparent
        return [(name, value.encode()) for name, value in named.items()]


def new_event(topic: Topic, key: str, body: bytes | None, *, source: str) -> Event:
    """Return an event of now, in the current trace."""
    return Event(
        topic=topic.name,
        key=key,
        type=topic.event_type,
        source=f"/tollway/{source}",
        body=body,
        id=new_id("evt"),
        time=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        traceparent=traceparent(),
    )


def connection_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return what every aiokafka client is constructed with."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "request_timeout_ms": REQUEST_MS,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_ca_file)
    if settings.kafka_security_protocol.startswith("SASL"):
        password = settings.kafka_sasl_password
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": password.get_secret_value() if password else None,
        }
    return options


def make_producer(settings: KafkaSettings) -> AIOKafkaProducer:
    """Return a producer that is content only when all replicas have the record. Not started."""
    return AIOKafkaProducer(
        **connection_options(settings),
        acks="all",
        enable_idempotence=settings.kafka_idempotence,
        linger_ms=2,
    )


@asynccontextmanager
async def started(
    start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """Start an aiokafka client, stop it in the end.

    Neither is cut short by a cancellation: aiokafka would leave connections open. Both are bounded
    by the request timeout.
    """
    try:
        await _whole(start())
        yield
    finally:
        await _whole(stop())


async def ensure_topics(settings: KafkaSettings, topics: Iterable[Topic]) -> list[TopicPartition]:
    """Create the topics that do not exist; return all their partitions.

    An operator may have made a topic with more partitions than it is created with here. Raises
    KafkaError where the broker refuses, or does not show a new topic yet.
    """
    admin = AIOKafkaAdminClient(**connection_options(settings))
    async with started(admin.start, admin.close):
        wanted = [_new_topic(topic, settings.kafka_replication_factor) for topic in topics]
        present = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in present]
        if missing:
            _raise_unless_created(await admin.create_topics(missing))
        return await _partitions(admin, [topic.name for topic in wanted])


async def _whole(work: Awaitable[None]) -> None:
    """Wait until work has ended, and pass a cancellation on only then."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _new_topic(topic: Topic, replication_factor: int) -> NewTopic:
    config = (
        {"cleanup.policy": "compact"}
        if topic.compacted
        else {"cleanup.policy": "delete", "retention.ms": str(topic.retention_ms)}
    )
    if replication_factor >= REPLICAS_THAT_CAN_LOSE_ONE:
        # Otherwise "all replicas have it" is said by a leader that is alone.
        config["min.insync.replicas"] = "2"
    return NewTopic(
        topic.name,
        num_partitions=topic.partitions,
        replication_factor=replication_factor,
        topic_configs=config,
    )


async def _partitions(admin: AIOKafkaAdminClient, names: Sequence[str]) -> list[TopicPartition]:
    # All topics are asked for: a broker may create one that is asked for by its name.
    counted = {found["topic"]: found["partitions"] for found in await admin.describe_topics()}
    absent = [name for name in names if not counted.get(name)]
    if absent:
        raise UnknownTopicOrPartitionError(", ".join(absent))
    return [TopicPartition(name, found["partition"]) for name in names for found in counted[name]]


def _raise_unless_created(answer: Any) -> None:
    errors: Sequence[Sequence[Any]] = answer.topic_errors
    for name, code, *detail in errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"{name}: {detail[0] if detail else ''}")

"""Keeps the route table up to date from the compacted topics, and on disk for the next start.

Every router reads the topics whole and alone, without a consumer group. aiokafka is used as it is:
to know when it has caught up, the feed needs positions and end offsets.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry, Gauge

from tollway_contracts.events import CredentialChanged
from tollway_contracts.topics import API_KEYS, CREDENTIALS, MODELS
from tollway_kit.kafka import connection_options, ensure_topics, started
from tollway_router.routing import state as topic_state
from tollway_router.routing.state import TopicState
from tollway_router.routing.table import RouteTable
from tollway_router.settings import RouterSettings

log = structlog.get_logger(__name__)

Batches = Mapping[TopicPartition, Sequence["ConsumerRecord[bytes | None, bytes | None]"]]

TOPICS = (MODELS, API_KEYS, CREDENTIALS)
POLL_MS = 500
RETRY_SECONDS = 1.0
SAVE_SECONDS = 1.0
BATCH = 500
REBUILD_MS = 50
OFFSETS_SECONDS = 10.0


class RouteFeed:
    """Owns the current `table`; requests take the reference once and keep it to their end."""

    def __init__(
        self,
        settings: RouterSettings,
        on_credential: Callable[[CredentialChanged], None],
        metrics: CollectorRegistry,
    ) -> None:
        self._settings = settings
        self._on_credential = on_credential
        self._state = topic_state.load(settings.table_cache)
        self.table: RouteTable = self._state.table()
        # A stored table is good enough to serve from while Kafka is away.
        self._caught_up = bool(self.table.models)
        self._connected = False
        self._unsaved = False
        self._models = Gauge("tollway_route_table_models", "Models routed", registry=metrics)
        self._keys = Gauge("tollway_route_table_keys", "API keys known", registry=metrics)
        self._show()

    async def check_caught_up(self) -> None:
        """Readiness: raises until a table is there, from Kafka or from disk."""
        if not self._caught_up:
            msg = "the models and keys have not been read from Kafka yet"
            raise ConnectionError(msg)

    async def check_connected(self) -> None:
        """Readiness: raises while the table is not being kept up to date."""
        if not self._connected:
            msg = "Kafka is not reached; the last known models and keys are served"
            raise ConnectionError(msg)

    async def run(self) -> None:
        """Follow the topics for ever."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("route feed waits", error=type(error).__name__, detail=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                self._connected = False

    async def save_for_ever(self) -> None:
        """Store the state on disk when it has changed, at most once a second."""
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if self._unsaved:
                self._unsaved = False
                await self._save()

    async def _save(self) -> None:
        path: Path = self._settings.table_cache
        try:
            await asyncio.to_thread(topic_state.save, self._state.records(), self._state.read, path)
        except OSError as error:
            self._unsaved = True
            log.error("route table not stored", path=str(path), error=str(error))

    async def _follow(self) -> None:
        partitions = await ensure_topics(self._settings, TOPICS)
        consumer = AIOKafkaConsumer(
            **connection_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # also when the log was lost and starts anew
        )
        async with started(consumer.start, consumer.stop):
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            self._take(await _read_whole(consumer, partitions))
            self._connected = True
            await self._keep_up(consumer, partitions)

    def _take(self, fresh: TopicState) -> None:
        """Serve from what was read from the start, and tell which credentials it changes.

        What was deleted meanwhile goes, because the state starts empty. A log shorter than what was
        read of it before is another log: the old one was lost and its producers are filling it
        again. Then nothing is dropped that the new log does not mention yet.
        """
        told = fresh.newer_credentials(self._state)
        if fresh.read < self._state.read:
            log.warning("Kafka's log was lost, keeping what is known", read=self._state.read)
            self._state.merge(fresh)
        else:
            told += fresh.ended_credentials(self._state)
            self._state = fresh
        self._rebuild()
        self._unsaved = True
        for changed in told:
            self._on_credential(changed)
        self._caught_up = True
        log.info("route table caught up", models=len(self.table.models), keys=len(self.table.keys))

    async def _keep_up(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> None:
        """Take changes in for ever. While they keep coming the table is not built for each."""
        clock = asyncio.get_running_loop().time
        built_at, waiting = clock(), False
        while not _has_grown(consumer, partitions):
            batches = await _next(consumer, REBUILD_MS if waiting else POLL_MS)
            for changed in _read_into(self._state, batches):
                self._on_credential(changed)
            waiting = waiting or bool(batches)
            if waiting and (not batches or clock() - built_at > REBUILD_MS / 1000):
                self._rebuild()
                built_at, waiting = clock(), False
                self._state.read = sum((await _positions(consumer, partitions)).values())
                self._unsaved = True
        msg = "a topic has more partitions than before"
        raise ConnectionError(msg)

    def _rebuild(self) -> None:
        self.table = self._state.table()
        self._show()

    def _show(self) -> None:
        self._models.set(len(self.table.models))
        self._keys.set(len(self.table.keys))


async def _read_whole(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> TopicState:
    """Read from the start to the end. Raises ConnectionError where the log is lost meanwhile."""
    fresh = TopicState()
    before: dict[TopicPartition, int] = {}
    while True:
        # Asked again each time: an end of a log that was lost since would never be reached.
        async with asyncio.timeout(OFFSETS_SECONDS):
            ends = await consumer.end_offsets(partitions)
        if any(ends[partition] < end for partition, end in before.items()):
            msg = "the log was lost while it was read"
            raise ConnectionError(msg)
        positions = await _positions(consumer, partitions)
        if all(positions[partition] >= end for partition, end in ends.items()):
            fresh.read = sum(ends.values())
            return fresh
        _read_into(fresh, await _next(consumer, POLL_MS))
        before = ends


async def _positions(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    async with asyncio.timeout(OFFSETS_SECONDS):
        return {partition: await consumer.position(partition) for partition in partitions}


async def _next(consumer: AIOKafkaConsumer, wait_ms: int) -> Batches:
    # Records at hand are returned without a pause in which requests could be served.
    await asyncio.sleep(0)
    batches: Batches = await consumer.getmany(timeout_ms=wait_ms, max_records=BATCH)
    return batches


def _read_into(state: TopicState, batches: Batches) -> list[CredentialChanged]:
    changes = [
        state.apply(record.topic, (record.key or b"").decode(errors="replace"), record.value)
        for records in batches.values()
        for record in records
    ]
    return [changed for changed in changes if changed is not None]


def _has_grown(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> bool:
    present = [consumer.partitions_for_topic(topic.name) or () for topic in TOPICS]
    return sum(map(len, present)) > len(partitions)

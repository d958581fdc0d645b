"""Publishes what the outbox holds, and fills compacted topics anew where their log was lost."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tollway_contracts.topics import Topic
from tollway_kit.kafka import Event, connection_options, ensure_topics, make_producer, started
from tollway_kit.outbox import BATCH, Outbox, Snapshot
from tollway_kit.settings import KafkaSettings

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.1
LOG_CHECK_SECONDS = 2.0
RETRY_SECONDS = 1.0
SEND_SECONDS = 15.0
RESEEDING = -1

Ends = Mapping[TopicPartition, int]


class Relay:
    """A service's publishing loop. `run` ends only by cancellation."""

    def __init__(
        self,
        engine: AsyncEngine,
        outbox: Outbox,
        settings: KafkaSettings,
        topics: Sequence[Topic],
        snapshot: Snapshot,
        metrics: CollectorRegistry,
    ) -> None:
        self._engine = engine
        self._outbox = outbox
        self._settings = settings
        self._topics = topics
        self._snapshot = snapshot
        self._connected = False
        self._waiting = Gauge(
            "tollway_outbox_waiting_events", "Events stored and not yet published", registry=metrics
        )

    async def run(self) -> None:
        """Publish for ever. Kafka or the database being away is waited for."""
        while True:
            try:
                await self._serve()
            except (KafkaError, SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("outbox relay waits", error=type(error).__name__, detail=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # it would take the service with it
                log.error("outbox relay failed", error=type(error).__name__, exc_info=error)
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                self._connected = False

    async def check(self) -> None:
        """Readiness: raises while Kafka is not reached."""
        if not self._connected:
            msg = "Kafka is not reached; changes are kept and published later"
            raise ConnectionError(msg)

    async def _serve(self) -> None:
        partitions = await ensure_topics(self._settings, self._topics)
        producer = make_producer(self._settings)
        consumer = AIOKafkaConsumer(**connection_options(self._settings))
        async with started(producer.start, producer.stop), started(consumer.start, consumer.stop):
            compacted = {topic.name for topic in self._topics if topic.compacted}
            log_ends = _LogEnds(
                consumer, [place for place in partitions if place.topic in compacted]
            )
            await self._publish_for_ever(producer, log_ends)

    async def _publish_for_ever(self, producer: AIOKafkaProducer, log_ends: "_LogEnds") -> None:
        loop = asyncio.get_running_loop()
        checked_at = float("-inf")
        while True:
            published = 0
            if loop.time() - checked_at > LOG_CHECK_SECONDS or await self._has_waiting():
                checked_at = loop.time()
                published = await self._publish(producer, log_ends)
            self._connected = True
            if published < BATCH:
                await asyncio.sleep(POLL_SECONDS)

    async def _has_waiting(self) -> bool:
        async with self._engine.connect() as connection:
            count = await self._outbox.count(connection)
        self._waiting.set(count)
        return count > 0

    async def _publish(self, producer: AIOKafkaProducer, log_ends: "_LogEnds") -> int:
        """Publish one batch as the only relay; return its size."""
        await self._mark_lost(log_ends)
        async with self._engine.begin() as connection:
            seen = await self._outbox.lead(connection)
            if seen is None:
                return 0
            reseeded = {
                topic.name: await self._reseed(connection, producer, topic.name)
                for topic in self._topics
                if seen.get(topic.name) == RESEEDING
            }
            batch = await self._outbox.waiting(connection)
            await _send(producer, [event for _, event in batch])
            await self._outbox.done(connection, [position for position, _ in batch])
            ends = await log_ends.read()
            await self._outbox.remember(connection, _remembered(seen, ends, reseeded))
            return len(batch)

    async def _mark_lost(self, log_ends: "_LogEnds") -> None:
        """Commit which logs were lost, before anything new is written to them and hides it.

        A reseed that fails half way has made its log longer, perhaps as long as it was.
        """
        async with self._engine.begin() as connection:
            seen = await self._outbox.lead(connection)
            if seen is None:
                return
            lost = _lost_topics(seen, await log_ends.read())
            marked = seen | dict.fromkeys(lost, RESEEDING)
            if marked != seen:
                await self._outbox.remember(connection, marked)

    async def _reseed(
        self, connection: AsyncConnection, producer: AIOKafkaProducer, topic: str
    ) -> int:
        """Publish the present state of everything in a topic; return in how many events."""
        events = [event async for event in self._snapshot(connection, topic)]
        if events:
            log.info("log was lost, publishing the present state", topic=topic, events=len(events))
            await ensure_topics(self._settings, self._topics)
        for start in range(0, len(events), BATCH):
            await _send(producer, events[start : start + BATCH])
        return len(events)


@dataclass(frozen=True, slots=True)
class _LogEnds:
    """Asks how long the logs of the compacted topics are."""

    consumer: AIOKafkaConsumer
    partitions: Sequence[TopicPartition]

    async def read(self) -> Ends:
        """Return the end of each partition."""
        ends: Ends = await self.consumer.end_offsets(self.partitions)
        return ends


def _lost_topics(seen: Mapping[str, int], ends: Ends) -> set[str]:
    """Return the topics of which a partition is shorter than it was, or new and empty.

    One that was empty before has lost nothing: what is to be in it waits in the outbox.
    """
    return {place.topic for place, end in ends.items() if end < seen.get(_name(place), 1)}


def _remembered(seen: Mapping[str, int], ends: Ends, reseeded: Mapping[str, int]) -> dict[str, int]:
    """Return what is seen now. Other replicas may see more partitions.

    A log may have been lost once more while this was being published. So a topic that holds less
    than it was reseeded with stays marked, and a partition that is shorter than it was is
    remembered as it was: the next look will find it lost.
    """
    totals = dict.fromkeys(reseeded, 0)
    for place, end in ends.items():
        if place.topic in totals:
            totals[place.topic] += end
    whole = {topic for topic, events in reseeded.items() if totals[topic] >= events}
    kept = {name: end for name, end in seen.items() if name not in whole}
    for place, end in ends.items():
        before = 0 if place.topic in whole else seen.get(_name(place), 0)
        kept[_name(place)] = max(end, before)
    return kept


def _name(place: TopicPartition) -> str:
    return f"{place.topic}/{place.partition}"


async def _send(producer: AIOKafkaProducer, events: Sequence[Event]) -> None:
    """Send in order and wait until the broker has all of them."""
    async with asyncio.timeout(SEND_SECONDS):
        futures = [
            await producer.send(
                event.topic, value=event.body, key=event.key.encode(), headers=event.headers
            )
            for event in events
        ]
        await asyncio.gather(*futures)

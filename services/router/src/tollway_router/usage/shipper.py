"""Carries spooled usage events to Kafka, in order, until every replica there has them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata
from prometheus_client import CollectorRegistry, Counter, Gauge

from tollway_contracts.topics import USAGE
from tollway_kit.kafka import ensure_topics, make_producer, new_event, started
from tollway_router.settings import RouterSettings
from tollway_router.usage.spool import FORGET_AT_ONCE, Spool, Spooled

log = structlog.get_logger(__name__)

BATCH = 1000
IDLE_SECONDS = 0.5
LINGER_SECONDS = 0.02  # batches that are worth the thread that reads them
RETRY_SECONDS = 1.0
SEND_SECONDS = 15.0
FORGET_SECONDS = 60.0
SYNC_SECONDS = 0.05
DRAIN_SECONDS = 5.0


class Shipper:
    """Owns the loops behind the spool. `wake` tells it of a new event."""

    def __init__(self, settings: RouterSettings, spool: Spool, metrics: CollectorRegistry) -> None:
        self._settings = settings
        self._spool = spool
        self._new = asyncio.Event()
        self._unsynced = False
        self._connected = False
        self._shipped = Counter(
            "tollway_usage_shipped_events", "Usage events shipped to Kafka", registry=metrics
        )
        self._rejected = Counter(
            "tollway_usage_rejected_events",
            "Usage events that Kafka will never take, left in the spool",
            registry=metrics,
        )
        depth = Gauge(
            "tollway_usage_spool_events", "Usage events not yet shipped", registry=metrics
        )
        depth.set_function(spool.depth)

    def wake(self) -> None:
        """Say that an event was appended."""
        self._unsynced = True
        self._new.set()

    async def check(self) -> None:
        """Readiness: raises while events stay on disk because Kafka is away."""
        if not self._connected:
            msg = "Kafka is not reached; usage is kept in the spool"
            raise ConnectionError(msg)

    async def run(self) -> None:
        """Ship for ever."""
        while True:
            try:
                await self._ship_for_ever()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("usage waits in the spool", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                self._connected = False

    async def drain(self) -> None:
        """Wait a moment until the spool is empty; what stays is shipped after the next start."""
        deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
        while self._connected and asyncio.get_running_loop().time() < deadline:
            if self._spool.depth() == 0:
                return
            await asyncio.sleep(SYNC_SECONDS)

    async def sync_for_ever(self) -> None:
        """Bring what was appended to the disk every 50 ms, and delete what was shipped long ago."""
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            if self._unsynced and self._settings.spool_sync == "interval":
                self._unsynced = False
                await asyncio.to_thread(self._spool.sync)
            if loop.time() >= forget_at:
                gone = await asyncio.to_thread(self._spool.forget, self._settings.spool_retention)
                forget_at = loop.time() + (FORGET_SECONDS if gone < FORGET_AT_ONCE else 0)

    async def _ship_for_ever(self) -> None:
        await ensure_topics(self._settings, [USAGE])
        producer = make_producer(self._settings)
        async with started(producer.start, producer.stop):
            self._connected = True
            while True:
                self._new.clear()
                batch = await asyncio.to_thread(self._spool.waiting, BATCH)
                if batch:
                    await self._ship(producer, batch)
                else:
                    await self._wait_for_more()

    async def _ship(self, producer: AIOKafkaProducer, batch: Sequence[Spooled]) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await _require_topic(producer)
            sending = [(spooled, await self._send(producer, spooled)) for spooled in batch]
            await asyncio.gather(*(sent for _, sent in sending if sent is not None))
        shipped = [spooled for spooled, sent in sending if sent is not None]
        await asyncio.to_thread(self._spool.shipped, shipped)
        self._shipped.inc(len(shipped))

    async def _send(
        self, producer: AIOKafkaProducer, spooled: Spooled
    ) -> asyncio.Future[RecordMetadata] | None:
        """Hand a record to the producer; None where the broker would never take it."""
        # The same id each time: to whoever reads the topic, a repeat is the same event.
        event = replace(new_event(USAGE, spooled.id, spooled.body, source="router"), id=spooled.id)
        try:
            sent: asyncio.Future[RecordMetadata] = await producer.send(
                event.topic, value=event.body, key=event.key.encode(), headers=event.headers
            )
        except MessageSizeTooLargeError as error:
            log.error("usage event is too large for Kafka, set aside", event_id=spooled.id)
            await asyncio.to_thread(self._spool.rejected, spooled, str(error))
            self._rejected.inc()
            return None
        return sent

    async def _wait_for_more(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._new.wait()
        except TimeoutError:
            return
        await asyncio.sleep(LINGER_SECONDS)


async def _require_topic(producer: AIOKafkaProducer) -> None:
    """Raise ConnectionError where the topic is gone: then it has to be made before it is used.

    A broker that keeps its log in memory can come back without topics between two batches. The
    client reconnects by itself, and such a broker takes records for a topic that it does not have.
    """
    cluster = await producer.client.fetch_all_metadata()
    if USAGE.name not in cluster.topics():
        msg = f"Kafka has no topic {USAGE.name}"
        raise ConnectionError(msg)

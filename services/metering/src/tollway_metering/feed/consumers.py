"""The two consumers, and how they acknowledge.

FastStream's own ways lose messages: it acknowledges before the handler by default, a header that
is not UTF-8 fails a whole batch in its parser, and an error in a handler is logged while the next
batch's acknowledgement covers the lost one. So acknowledgement is manual, records are handed over
as they came, and a handler ends either with all its records safe or with the service.

A rebalance while a batch is in work only means that somebody else gets its records too: the ledger
knows them already, and the broker refuses our acknowledgement. Waiting for the database for hours
does not cost the membership: heartbeats go on, and the poll interval is as long as it can be.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import structlog
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import ConsumerProtocol, KafkaAckableMessage, KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from tollway_contracts.topics import MODELS, USAGE, USAGE_DEAD_LETTER, Topic
from tollway_kit.kafka import ensure_topics
from tollway_kit.settings import KafkaSettings
from tollway_metering.events import Record
from tollway_metering.feed.connection import broker_options
from tollway_metering.feed.patience import Patience, Stopping
from tollway_metering.metrics import Metrics

log = structlog.get_logger(__name__)

USAGE_GROUP = "tollway-metering"
PRICE_GROUP = "tollway-metering-prices"

BATCH = 1000
LINGER_MS = 50
FETCH_WAIT_MS = 100
SESSION_MS = 6_000  # the shortest that Kafka allows unless told otherwise
HEARTBEAT_MS = 2_000
LONGEST_MS = 2**31 - 1
ACKNOWLEDGE_SECONDS = 10.0
RETRY_SECONDS = 1.0
LOOK_SECONDS = 2.0
BUG_PAUSE_SECONDS = 5.0
GRACE_SECONDS = 15.0

Take = Callable[[Sequence[Record]], Awaitable[None]]


class Consumers:
    """Runs both consumers while the service lives. Kafka being away is waited for."""

    def __init__(
        self,
        settings: KafkaSettings,
        patience: Patience,
        metrics: Metrics,
        *,
        usage: Take,
        prices: Take,
    ) -> None:
        self._settings = settings
        self._patience = patience
        self._metrics = metrics
        self._takes = {USAGE: (USAGE_GROUP, usage), MODELS: (PRICE_GROUP, prices)}
        self._connected = False

    async def run(self) -> None:
        """Consume until cancelled."""
        while True:
            broker, subscribers = self._declare()
            try:
                await ensure_topics(self._settings, [*self._takes, USAGE_DEAD_LETTER])
                await broker.connect()
                # Joining a group takes seconds; together they take no longer than one.
                async with asyncio.TaskGroup() as group:
                    for subscriber in subscribers.values():
                        group.create_task(subscriber.start())
                await self._watch(subscribers)
            except* (KafkaError, OSError, TimeoutError) as errors:
                reasons = sorted({type(error).__name__ for error in errors.exceptions})
                log.warning("consumers wait for Kafka", errors=reasons)
            finally:
                self._connected = False
                await self._stop(broker)
            await asyncio.sleep(RETRY_SECONDS)

    async def check(self) -> None:
        """Readiness: raises while Kafka is not reached."""
        if not self._connected:
            msg = "Kafka is not reached; usage waits there or in the routers' spools"
            raise ConnectionError(msg)

    def _declare(self) -> tuple[KafkaBroker, dict[Topic, BatchSubscriber]]:
        logger = logging.getLogger("tollway.faststream")
        logger.setLevel(logging.ERROR)  # below that it tells of each batch, and of what is meant so
        broker = KafkaBroker(
            **broker_options(self._settings),
            consumer_only=True,
            apply_types=False,
            graceful_timeout=GRACE_SECONDS,
            logger=logger,
        )
        subscribers = {}
        for topic, (group, take) in self._takes.items():
            subscriber = broker.subscriber(
                topic.name,
                group_id=group,
                batch=True,
                max_records=BATCH,
                batch_timeout_ms=LINGER_MS,
                fetch_max_wait_ms=FETCH_WAIT_MS,
                auto_offset_reset="earliest",
                ack_policy=AckPolicy.MANUAL,
                session_timeout_ms=SESSION_MS,
                heartbeat_interval_ms=HEARTBEAT_MS,
                rebalance_timeout_ms=SESSION_MS,
                max_poll_interval_ms=LONGEST_MS,
                no_reply=True,
            )
            subscriber(self._handler(take), parser=_as_it_came(subscriber), decoder=_undecoded)
            subscribers[topic] = subscriber
        return broker, subscribers

    def _handler(self, take: Take) -> Callable[[KafkaMessage], Awaitable[None]]:
        async def handle(message: KafkaMessage) -> None:
            records = cast("tuple[Record, ...]", message.raw_message)
            await self._take_all(take, records)
            # Only now: every record is in PostgreSQL or in the dead-letter topic.
            await self._acknowledge(message)

        return handle

    async def _take_all(self, take: Take, records: Sequence[Record]) -> None:
        while True:
            try:
                return await take(records)
            except Stopping:
                raise
            except Exception as error:  # whatever it is, leaving would lose the records
                log.critical("a batch cannot be taken in; trying again", exc_info=error)
            await self._patience.rest(BUG_PAUSE_SECONDS)

    async def _acknowledge(self, message: KafkaMessage) -> None:
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await message.ack()
        except (KafkaError, OSError, TimeoutError) as error:
            # They come again, and are known by then; or a later acknowledgement covers them.
            log.info("not acknowledged", error=type(error).__name__)

    async def _watch(self, subscribers: dict[Topic, BatchSubscriber]) -> None:
        """Measure the lag, which also tells whether Kafka answers. The clients reconnect alone."""
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS * 2):
                    if not self._connected:
                        # A broker that lost its memory has lost the topics too.
                        await ensure_topics(self._settings, [*self._takes, USAGE_DEAD_LETTER])
                    for topic, subscriber in subscribers.items():
                        self._metrics.lag.labels(topic.name).set(await _lag(subscriber))
                self._connected = True
            except (KafkaError, OSError, TimeoutError) as error:
                self._connected = False
                log.warning("Kafka does not answer", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def _stop(self, broker: KafkaBroker) -> None:
        try:
            async with asyncio.timeout(GRACE_SECONDS + RETRY_SECONDS):
                await broker.stop()
        except (KafkaError, OSError, TimeoutError, ExceptionGroup) as error:
            log.warning("consumers did not stop in order", error=type(error).__name__)


def _as_it_came(subscriber: BatchSubscriber) -> Callable[[Any], Awaitable[KafkaMessage]]:
    """Return a parser that looks at nothing, so that nothing in a record can make it fail."""

    async def parse(records: tuple[Record, ...]) -> KafkaMessage:
        consumer = cast("ConsumerProtocol", subscriber.consumer)
        return KafkaAckableMessage(body=b"", raw_message=records, consumer=consumer)

    return parse


async def _undecoded(message: KafkaMessage) -> KafkaMessage:
    """Hand the message itself to the handler."""
    return message


async def _lag(subscriber: BatchSubscriber) -> int:
    consumer = subscriber.consumer
    if consumer is None:
        return 0
    partitions = consumer.assignment()
    if not partitions:
        return 0
    ends = await consumer.end_offsets(partitions)
    return sum([max(ends[at] - await consumer.position(at), 0) for at in partitions])

"""What the relay remembers of a topic's log, and what it makes of a reseed that fails half way."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from tollway_contracts.topics import MODELS
from tollway_kit import relay as relaying
from tollway_kit.kafka import Event, new_event
from tollway_kit.relay import Relay
from tollway_kit.settings import KafkaSettings

KEYS = [f"acme/mdl_{number}" for number in range(10)]
PARTITIONS = [TopicPartition(MODELS.name, number) for number in range(2)]


class Log:
    """A topic of two partitions, its producer and its ends. `breaks_after` sends it goes away."""

    def __init__(self) -> None:
        self.records: list[tuple[int, str]] = []
        self.breaks_after: int | None = None
        self.reads_until_lost: int | None = None
        self.used = len(PARTITIONS)
        self.known = len(PARTITIONS)

    async def send(self, _: str, *, key: bytes, **__: object) -> "Sent":
        if self.breaks_after == 0:
            raise KafkaConnectionError("gone")
        if self.breaks_after is not None:
            self.breaks_after -= 1
        self.records.append((len(self.records) % self.used, key.decode()))
        return Sent()

    async def read(self) -> dict[TopicPartition, int]:
        if self.reads_until_lost is not None:
            self.reads_until_lost -= 1
            if self.reads_until_lost == 0:
                self.records = []
        numbers = [number for number, _ in self.records]
        return {place: numbers.count(place.partition) for place in PARTITIONS[: self.known]}

    @property
    def keys(self) -> set[str]:
        return {key for _, key in self.records}


class Sent:
    def __await__(self):
        yield from ()


class Database:
    """The outbox and its engine: what a transaction wrote is gone where it fails."""

    def __init__(self) -> None:
        self.offsets: dict[str, int] = {}
        self.waits: list[Event] = []

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["Database"]:
        before = (dict(self.offsets), list(self.waits))
        try:
            yield self
        except BaseException:
            self.offsets, self.waits = before
            raise

    async def lead(self, _: object) -> dict[str, int]:
        return dict(self.offsets)

    async def waiting(self, _: object) -> Sequence[tuple[int, Event]]:
        return list(enumerate(self.waits))

    async def done(self, _: object, positions: Sequence[int]) -> None:
        self.waits = self.waits[len(positions) :]

    async def remember(self, _: object, offsets: dict[str, int]) -> None:
        self.offsets = offsets


def event(key: str) -> Event:
    return new_event(MODELS, key, b"{}", source="registry")


async def snapshot(_: object, topic: str) -> AsyncIterator[Event]:
    assert topic == MODELS.name
    for key in KEYS:
        yield event(key)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def relay(database: Database, monkeypatch: pytest.MonkeyPatch) -> Relay:
    async def present(*_: object) -> None: ...

    monkeypatch.setattr(relaying, "ensure_topics", present)
    settings = KafkaSettings(kafka_bootstrap_servers="nowhere:1")
    topics = [MODELS]
    return Relay(database, database, settings, topics, snapshot, CollectorRegistry())


async def test_an_empty_log_is_filled_once(relay, database, log):
    for _ in range(3):
        await relay._publish(log, log)
    assert [key for _, key in log.records] == KEYS


async def test_a_log_that_is_shorter_than_it_was_is_filled(relay, database, log):
    await relay._publish(log, log)
    log.records = log.records[:2]
    await relay._publish(log, log)
    assert [key for _, key in log.records[2:]] == KEYS


async def test_a_log_of_which_one_partition_is_shorter_is_filled(relay, database, log):
    await relay._publish(log, log)
    log.records = [(0, key) for _, key in log.records]
    await relay._publish(log, log)
    assert [key for _, key in log.records[10:]] == KEYS


@pytest.mark.parametrize("sent", [1, 6])
async def test_a_reseed_that_fails_half_way_starts_again(relay, database, log, sent):
    await relay._publish(log, log)
    log.records = []
    for _ in range(2):  # so that what they leave is as long as the log was
        log.breaks_after = sent
        with pytest.raises(KafkaConnectionError):
            await relay._publish(log, log)
    log.breaks_after = None
    await relay._publish(log, log)
    assert log.keys == set(KEYS)


async def test_a_first_reseed_that_fails_half_way_starts_again(relay, database, log):
    log.breaks_after = 3
    with pytest.raises(KafkaConnectionError):
        await relay._publish(log, log)
    log.breaks_after = None
    await relay._publish(log, log)
    assert log.keys == set(KEYS)


@pytest.mark.parametrize("again", [False, True], ids=["first seeding", "later"])
async def test_a_log_lost_between_the_last_send_and_the_look_after_it_is_filled(
    relay, database, log, again
):
    if again:
        await relay._publish(log, log)
        database.waits = [event("acme/mdl_late")]
    log.reads_until_lost = 2
    await relay._publish(log, log)
    assert log.records == []
    log.reads_until_lost = None
    await relay._publish(log, log)
    assert log.keys == set(KEYS)


async def test_a_reseed_larger_than_a_batch_is_sent_whole(relay, database, log, monkeypatch):
    monkeypatch.setattr(relaying, "BATCH", 3)
    await relay._publish(log, log)
    assert [key for _, key in log.records] == KEYS


async def test_what_waits_is_told_after_the_reseed(relay, database, log):
    database.waits = [event("acme/mdl_late")]
    assert await relay._publish(log, log) == 1
    assert log.records[-1][1] == "acme/mdl_late"
    assert database.waits == []


async def test_a_topic_that_is_empty_by_right_is_looked_at_once(relay, database, log, monkeypatch):
    asked = []

    async def nothing(_: object, topic: str) -> AsyncIterator[Event]:
        asked.append(topic)
        for key in ():
            yield event(key)

    monkeypatch.setattr(relay, "_snapshot", nothing)
    for _ in range(3):
        await relay._publish(log, log)
    assert asked == [MODELS.name]


async def test_a_replica_that_knows_fewer_partitions_sees_no_loss(relay, database, log):
    log.used = 1
    for known in (2, 1, 2):
        log.known = known
        await relay._publish(log, log)
    assert [key for _, key in log.records] == KEYS


class Client:
    """An aiokafka client without a broker, which notes whose ends it is asked for."""

    def __init__(self, **_: object) -> None:
        self.asked: set[TopicPartition] = set()

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    async def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        self.asked |= set(places)
        return dict.fromkeys(places, 1)


async def test_all_partitions_are_watched_however_many_a_topic_has(relay, monkeypatch):
    watched = [TopicPartition(MODELS.name, number) for number in range(MODELS.partitions + 3)]
    other = TopicPartition("not.compacted", 0)
    client, watching = Client(), asyncio.Event()

    async def present(*_: object) -> list[TopicPartition]:
        return [*watched, other]

    async def waiting(*_: object) -> bool:
        watching.set()
        return False

    monkeypatch.setattr(relaying, "ensure_topics", present)
    monkeypatch.setattr(relaying, "make_producer", lambda _: Client())
    monkeypatch.setattr(relaying, "AIOKafkaConsumer", lambda **_: client)
    monkeypatch.setattr(relay, "_has_waiting", waiting)
    running = asyncio.create_task(relay.run())
    await asyncio.wait_for(watching.wait(), 5)
    running.cancel()
    await asyncio.wait([running])
    assert client.asked == set(watched)

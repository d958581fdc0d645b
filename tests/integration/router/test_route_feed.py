"""The route feed on a real broker: what it learns, when, and what it keeps when the log is lost."""

import asyncio
import gc
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import CollectorRegistry
from support.builders import api_key, deployment, model, provider
from support.workspaces import until

from tollway_cli.stack import Stack
from tollway_contracts.events import ApiKeyChanged, CredentialChanged, ResourceChanged
from tollway_contracts.topics import API_KEYS, CREDENTIALS, MODELS
from tollway_kit.kafka import ensure_topics
from tollway_router.routing import feed as feeding
from tollway_router.routing.feed import RouteFeed
from tollway_router.routing.state import TopicState
from tollway_router.settings import RouterSettings

CHAT = ("acme", "chat")


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """Infrastructure of this file's own, because its broker is killed."""
    folder = Path(tempfile.mkdtemp(prefix="tollway-"))
    with Stack(folder) as stack:
        stack.up_infrastructure()
        yield stack
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def settings(own_stack: Stack, tmp_path: Path) -> RouterSettings:
    return RouterSettings(
        kafka_bootstrap_servers=own_stack.addresses.kafka,
        kafka_replication_factor=1,
        kafka_idempotence=False,
        secrets_url="http://127.0.0.1:9",
        secrets_token_file=tmp_path / "token",
        spool_dir=tmp_path / "spool",
        table_cache=tmp_path / "table.json",
    )


@asynccontextmanager
async def following(
    settings: RouterSettings, told: list[CredentialChanged] | None = None
) -> AsyncIterator[RouteFeed]:
    changes: list[CredentialChanged] = [] if told is None else told
    feed = RouteFeed(settings, changes.append, CollectorRegistry())
    tasks = [asyncio.create_task(feed.run()), asyncio.create_task(feed.save_for_ever())]
    try:
        yield feed
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def publish(own_stack: Stack, *records: tuple[str, str | bytes, bytes | None]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=own_stack.addresses.kafka)
    await producer.start()
    for topic, key, body in records:
        await producer.send_and_wait(
            topic, value=body, key=key if isinstance(key, bytes) else key.encode()
        )
    await producer.stop()


def resource(state) -> tuple[str, str, bytes]:
    return MODELS.name, f"{state.workspace}/{state.id}", ResourceChanged(state).to_json()


def credential(version: int, name: str = "main") -> CredentialChanged:
    return CredentialChanged(
        id=f"cred_{name}",
        workspace="acme",
        name=name,
        type="api-key",
        version=version,
        reason="rotated",
    )


def credential_record(changed: CredentialChanged) -> tuple[str, str, bytes]:
    return CREDENTIALS.name, changed.id, changed.to_json()


def key_record(key: ApiKeyChanged) -> tuple[str, str, bytes]:
    return API_KEYS.name, key.id, key.to_json()


def holds(check: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return check()

    return asked


async def connected(feed: RouteFeed) -> None:
    async def check() -> bool:
        try:
            await feed.check_connected()
        except ConnectionError:
            return False
        return True

    await until(check, "the feed to follow")


async def test_a_change_is_in_the_table_within_a_second(settings, own_stack):
    async with following(settings) as feed:
        await connected(feed)
        states = [model(), provider(), deployment()]
        await publish(own_stack, *map(resource, states), key_record(api_key()))
        async with asyncio.timeout(1):
            await until(
                holds(lambda: CHAT in feed.table.models and bool(feed.table.models[CHAT].routes)),
                "the model",
            )
        assert api_key().sha256 in feed.table.keys


async def test_a_router_that_starts_reads_everything_before_it_is_ready(settings, own_stack):
    await publish(own_stack, *map(resource, [model("early"), provider(), deployment()]))
    async with following(settings) as feed:
        with pytest.raises(ConnectionError):
            await feed.check_caught_up()
        await connected(feed)
        await feed.check_caught_up()
        assert ("acme", "early") in feed.table.models


async def test_a_deleted_model_leaves_the_table(settings, own_stack):
    gone = model("gone")
    await publish(own_stack, resource(gone))
    async with following(settings) as feed:
        await connected(feed)
        assert ("acme", "gone") in feed.table.models
        await publish(own_stack, (MODELS.name, f"acme/{gone.id}", None))
        await until(holds(lambda: ("acme", "gone") not in feed.table.models), "the model to go")


async def test_a_credential_s_change_is_told_to_whoever_holds_it(settings, own_stack):
    told: list[CredentialChanged] = []
    async with following(settings, told) as feed:
        await connected(feed)
        await publish(own_stack, credential_record(credential(2)))
        await until(holds(lambda: credential(2) in told), "the change")


async def test_a_reconnect_tells_only_what_changed_meanwhile(settings, own_stack):
    before = [credential(2, "same"), credential(2, "newer"), credential(4, "gone")]
    await publish(own_stack, *map(credential_record, before))
    told: list[CredentialChanged] = []
    async with following(settings) as feed:
        await connected(feed)
        await until(holds(settings.table_cache.exists), "the table on disk")
        await feed._save()
    gone = (CREDENTIALS.name, "cred_gone", None)
    await publish(own_stack, credential_record(credential(3, "newer")), gone)
    async with following(settings, told) as feed:
        await connected(feed)
    assert told == [credential(3, "newer"), credential(5, "gone")]


async def test_credentials_of_a_log_that_is_filled_again_are_not_told_again(settings, own_stack):
    told: list[CredentialChanged] = []
    async with following(settings, told) as feed:
        await connected(feed)
        await publish(own_stack, credential_record(credential(2, "kept")))
        await until(holds(lambda: credential(2, "kept") in told), "the change")
        own_stack.kill("kafka")
        own_stack.up_infrastructure()

        async def learned() -> bool:
            await publish(own_stack, credential_record(credential(2, "kept")))
            await publish(own_stack, credential_record(credential(1, "later")))
            return credential(1, "later") in told

        await until(learned, "a credential of the new log")
    assert told.count(credential(2, "kept")) == 1


async def test_a_record_that_makes_no_sense_costs_its_neighbours_nothing(settings, own_stack):
    await publish(
        own_stack,
        (MODELS.name, "acme/mdl_poison", b"\x00not json"),
        (MODELS.name, b"\xff\xfe", b"{}"),
        (MODELS.name, b"\xc3", None),
        resource(model("after-poison")),
    )
    async with following(settings) as feed:
        await connected(feed)
        assert ("acme", "after-poison") in feed.table.models
        await publish(own_stack, (MODELS.name, b"\xff", b"{}"), resource(model("after-another")))
        await until(holds(lambda: ("acme", "after-another") in feed.table.models), "the model")


async def test_a_router_serves_its_stored_table_while_kafka_is_away(settings, own_stack):
    await publish(own_stack, *map(resource, [model(), provider(), deployment()]))
    async with following(settings) as feed:
        await connected(feed)
        await until(holds(settings.table_cache.exists), "the table on disk")
        known = feed.table
    away = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9"})
    async with following(away) as feed:
        await feed.check_caught_up()
        assert feed.table == known
        with pytest.raises(ConnectionError):
            await feed.check_connected()


async def test_a_log_that_was_lost_drops_nothing_and_goes_on(settings, own_stack):
    await publish(own_stack, *map(resource, [model(), model("kept"), provider(), deployment()]))
    async with following(settings) as feed:
        await connected(feed)
        own_stack.kill("kafka")
        own_stack.up_infrastructure()
        await connected(feed)
        assert ("acme", "kept") in feed.table.models

        async def learned() -> bool:
            await publish(own_stack, resource(model("new", revision=2)))
            return ("acme", "new") in feed.table.models

        await until(learned, "a model of the new log")
        assert {CHAT, ("acme", "kept")} <= feed.table.models.keys()


async def test_a_log_that_is_lost_while_it_is_read_is_read_again(settings, own_stack, monkeypatch):
    await publish(own_stack, *(resource(model(f"m{number}")) for number in range(40)))
    monkeypatch.setattr(feeding, "BATCH", 10)
    getmany, batches = AIOKafkaConsumer.getmany, []

    async def losing(consumer: AIOKafkaConsumer, **options: int) -> object:
        batch = await getmany(consumer, **options)
        if not batches:
            own_stack.kill("kafka")
            own_stack.up_infrastructure()
            await ensure_topics(settings, feeding.TOPICS)
        batches.append(batch)
        return batch

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", losing)
    async with following(settings) as feed:
        async with asyncio.timeout(20):
            while not feed._connected:
                await asyncio.sleep(0.05)
        await publish(own_stack, resource(model("new")))
        await until(holds(lambda: ("acme", "new") in feed.table.models), "the model")


class Shrinking:
    """A consumer of a log that is lost after the first look, and never grows again."""

    def __init__(self) -> None:
        self.ends = [40, 3]

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        return dict.fromkeys(partitions, end)

    async def position(self, _: TopicPartition) -> int:
        return 2

    async def getmany(self, **_: int) -> dict[TopicPartition, list]:
        return {}


async def test_an_end_that_went_down_is_not_waited_for():
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionError, match="lost"):
            await feeding._read_whole(Shrinking(), [TopicPartition(MODELS.name, 0)])


async def test_ends_that_are_never_answered_are_not_waited_for(settings, own_stack, monkeypatch):
    async def never(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(feeding, "OFFSETS_SECONDS", 0.1)
    async with following(settings) as feed:
        with monkeypatch.context() as patched:
            patched.setattr(AIOKafkaConsumer, "end_offsets", never)
            await asyncio.sleep(1)
        await connected(feed)


async def test_all_partitions_are_read_however_many_a_topic_has(settings, own_stack):
    own_stack.kill("kafka")
    own_stack.up_infrastructure()
    admin = AIOKafkaAdminClient(bootstrap_servers=own_stack.addresses.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(MODELS.name, MODELS.partitions + 3, 1)])
    await admin.close()
    models = [model(f"m{number}") for number in range(60)]  # some land in each partition
    await publish(own_stack, *map(resource, models))
    async with following(settings) as feed:
        await connected(feed)
        assert len(feed.table.models) == len(models)


async def test_partitions_that_a_topic_is_given_are_noticed(settings, own_stack, monkeypatch):
    partitions_for_topic = AIOKafkaConsumer.partitions_for_topic
    async with following(settings) as feed:
        await connected(feed)
        with monkeypatch.context() as patched:
            patched.setattr(AIOKafkaConsumer, "partitions_for_topic", lambda *_: set(range(30)))
            await until(holds(lambda: not feed._connected), "the feed to look again")
        assert AIOKafkaConsumer.partitions_for_topic is partitions_for_topic
        await connected(feed)


async def test_a_flood_of_changes_builds_the_table_a_few_times(settings, own_stack, monkeypatch):
    build, built = TopicState.table, []

    def counted(state: TopicState) -> object:
        built.append(state)
        return build(state)

    monkeypatch.setattr(TopicState, "table", counted)
    monkeypatch.setattr(feeding, "BATCH", 1)  # as if each came by itself
    async with following(settings) as feed:
        await connected(feed)
        loop = asyncio.get_running_loop()
        before, began = len(built), loop.time()
        flood = [model(f"flood-{number}") for number in range(300)]
        await publish(own_stack, *map(resource, flood))
        await until(holds(lambda: ("acme", "flood-299") in feed.table.models), "the last")
        at_most = (loop.time() - began) / (feeding.REBUILD_MS / 1000) + 2
        assert len(built) - before <= at_most < len(flood)
        assert all(("acme", state.name) in feed.table.models for state in flood)


async def test_a_long_log_is_read_in_portions(settings, own_stack, monkeypatch):
    monkeypatch.setattr(feeding, "BATCH", 20)
    await publish(own_stack, *(resource(model(f"p{number}")) for number in range(100)))
    getmany, sizes = AIOKafkaConsumer.getmany, []

    async def measured(consumer: AIOKafkaConsumer, **options: int) -> dict:
        batches = await getmany(consumer, **options)
        sizes.append(sum(map(len, batches.values())))
        return batches

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", measured)
    async with following(settings) as feed:
        await connected(feed)
        assert ("acme", "p99") in feed.table.models
    assert max(sizes) <= 20


async def test_a_feed_that_is_ended_while_it_connects_leaves_nothing_open(
    settings, own_stack, monkeypatch
):
    made = []

    class Noted(AIOKafkaConsumer):
        def __init__(self, **options: object) -> None:
            super().__init__(**options)
            made.append(self)

    monkeypatch.setattr(feeding, "AIOKafkaConsumer", Noted)
    feed = RouteFeed(settings, lambda _: None, CollectorRegistry())
    for pause in (0.0, 0.001, 0.002, 0.005):
        running, known = asyncio.create_task(feed.run()), len(made)
        while len(made) == known:
            await asyncio.sleep(0)
        await asyncio.sleep(pause)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(made) == 4
    assert all(consumer._closed for consumer in made)
    made.clear()
    gc.collect()

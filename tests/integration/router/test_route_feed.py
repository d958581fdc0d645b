"""The route feed on a real broker: what it learns, when, and what it keeps when the log is lost."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import CollectorRegistry
from support.builders import api_key, deployment, model, provider
from support.workspaces import until

from tollway_cli.stack import Stack
from tollway_contracts.events import ApiKeyChanged, CredentialChanged, ResourceChanged
from tollway_contracts.topics import API_KEYS, CREDENTIALS, MODELS
from tollway_router.routing.feed import RouteFeed
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


async def publish(own_stack: Stack, *records: tuple[str, str, bytes | None]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=own_stack.addresses.kafka)
    await producer.start()
    for topic, key, body in records:
        await producer.send_and_wait(topic, value=body, key=key.encode())
    await producer.stop()


def resource(state) -> tuple[str, str, bytes]:
    return MODELS.name, f"{state.workspace}/{state.id}", ResourceChanged(state).to_json()


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
        changed = CredentialChanged(
            id="cred_1", workspace="acme", name="main", type="api-key", version=2, reason="rotated"
        )
        await publish(own_stack, (CREDENTIALS.name, "cred_1", changed.to_json()))
        await until(holds(lambda: changed in told), "the change")


async def test_a_record_that_makes_no_sense_costs_its_neighbours_nothing(settings, own_stack):
    await publish(
        own_stack,
        (MODELS.name, "acme/mdl_poison", b"\x00not json"),
        resource(model("after-poison")),
    )
    async with following(settings) as feed:
        await connected(feed)
        assert ("acme", "after-poison") in feed.table.models


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

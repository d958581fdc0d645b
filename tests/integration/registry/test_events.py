"""What other services hear, and that they hear it whatever happens to the broker."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from tollway_contracts.events import ApiKeyChanged, ResourceChanged
from tollway_contracts.topics import API_KEYS, MODELS
from tollway_kit.kafka import ensure_topics
from tollway_registry.app import create_app
from tollway_registry.settings import Settings

WITHIN_SECONDS = 1.0

Wanted = Callable[[ConsumerRecord], bool]


class Feed:
    """Reads both topics from now on."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.seen: list[ConsumerRecord] = []

    async def until(self, wanted: Wanted, seconds: float = WITHIN_SECONDS) -> ConsumerRecord:
        """Return the first record, of those seen and those to come, that is wanted."""
        async with asyncio.timeout(seconds):
            read = 0
            while True:
                for record in self.seen[read:]:
                    read += 1
                    if wanted(record):
                        return record
                batches = await self._consumer.getmany(timeout_ms=100)
                self.seen += [record for batch in batches.values() for record in batch]


@asynccontextmanager
async def feed(settings: Settings, *, beginning: bool = False) -> AsyncIterator[Feed]:
    await ensure_topics(settings, (MODELS, API_KEYS))
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = [
            TopicPartition(topic.name, number)
            for topic in (MODELS, API_KEYS)
            for number in range(topic.partitions)
        ]
        consumer.assign(partitions)
        await (consumer.seek_to_beginning if beginning else consumer.seek_to_end)(*partitions)
        yield Feed(consumer)
    finally:
        await consumer.stop()


def of(resource: dict[str, Any], revision: int | None = 1) -> Wanted:
    """Match the record of a resource at a revision; None matches its tombstone."""
    is_key = resource["resource"] == "api_key"
    key = resource["id"] if is_key else f"{resource['workspace']}/{resource['id']}"

    def wanted(record: ConsumerRecord) -> bool:
        if record.key.decode() != key:
            return False
        if record.value is None:
            return revision is None
        payload = ApiKeyChanged if is_key else ResourceChanged
        state = payload.from_newer(record.value)
        return getattr(state, "root", state).revision == revision

    return wanted


@pytest.mark.parametrize("segment", ["providers", "models", "deployments", "prices", "keys"])
async def test_every_write_is_heard_within_a_second(
    admin: Any, settings: Settings, bodies: dict[str, Any], segment: str
) -> None:
    changes = {"providers": {"credential": "c"}, "models": {"premium": True}}
    changes |= {"deployments": {"weight": 2}, "prices": {"note": "n"}, "keys": {"disabled": True}}
    path = f"/{segment}/{bodies[segment]['name']}"
    async with feed(settings) as heard:
        await admin.fill(segment)
        resource = (await admin.get(path)).json()
        await heard.until(of(resource))
        changed = (await admin.patch(path, changes[segment])).json()
        record = await heard.until(of(changed, 2))
        if segment == "keys":
            state: Any = ApiKeyChanged.from_newer(record.value)
        else:
            state = ResourceChanged.from_newer(record.value).root
            assert state.to_dict() == changed
        assert (state.id, state.workspace, state.name) == (
            resource["id"],
            admin.workspace,
            resource["name"],
        )
        await admin.delete(path)
        await heard.until(of(resource, None))


async def test_a_record_is_a_cloud_event(admin: Any, settings: Settings) -> None:
    async with feed(settings) as heard:
        model = await admin.made("/models", {"name": "chat"})
        record = await heard.until(of(model))
    headers = {name: value.decode() for name, value in record.headers}
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_type"] == "tollway.resource.changed.v1"
    assert headers["ce_source"] == "/tollway/registry"
    assert headers["ce_subject"] == f"{admin.workspace}/{model['id']}"
    assert headers["ce_id"].startswith("evt_")
    assert headers["content-type"] == "application/json"
    assert datetime.fromisoformat(headers["ce_time"]).tzinfo is not None
    assert record.topic == "tollway.models.v1"


async def test_an_api_keys_event_has_its_digest_and_never_the_key(
    admin: Any, settings: Settings
) -> None:
    async with feed(settings) as heard:
        made = await admin.made("/keys", {"name": "search", "limits": {"requests_per_minute": 5}})
        record = await heard.until(of(made))
    state = ApiKeyChanged.from_newer(record.value)
    assert state.sha256 == hashlib.sha256(made["key"].encode()).hexdigest()
    assert state.limits.requests_per_minute == 5
    assert made["key"].encode() not in record.value
    assert record.topic == "tollway.apikeys.v1"


async def test_workspaces_are_heard_too(people: Any, settings: Settings) -> None:
    async with feed(settings) as heard:
        admin = await people.new_admin(timezone="Europe/Berlin")
        made = (await admin.get()).json()
        record = await heard.until(of(made))
        assert record.key.decode() == f"{admin.workspace}/{admin.workspace}"
        await admin.delete()
        await heard.until(of(made, None))


async def test_the_states_of_a_resource_are_heard_in_order(admin: Any, settings: Settings) -> None:
    async with feed(settings) as heard:
        made = await admin.made("/models", {"name": "chat"})
        await asyncio.gather(
            *(admin.patch("/models/chat", {"description": {"en": str(n)}}) for n in range(30))
        )
        await heard.until(of(made, 31))
        key = f"{admin.workspace}/{made['id']}".encode()
        states = [
            ResourceChanged.from_newer(record.value).root.revision
            for record in heard.seen
            if record.key == key and record.value
        ]
    assert states == list(range(1, 32))


async def test_two_replicas_tell_each_change_once(
    admin: Any, settings: Settings, run_app: Any
) -> None:
    async with run_app(create_app(settings)) as replica, feed(settings) as heard:
        other = type(admin)(replica, admin.workspace, admin.token)
        made = await admin.made("/models", {"name": "chat"})
        await asyncio.gather(
            *(
                (admin, other)[n % 2].patch("/models/chat", {"description": {"en": str(n)}})
                for n in range(20)
            )
        )
        await heard.until(of(made, 21))
        key = f"{admin.workspace}/{made['id']}".encode()
        states = [
            ResourceChanged.from_newer(record.value).root.revision
            for record in heard.seen
            if record.key == key and record.value
        ]
    assert states == list(range(1, 22))


async def test_what_changes_nothing_is_not_heard(admin: Any, settings: Settings) -> None:
    async with feed(settings) as heard:
        made = await admin.made("/models", {"name": "chat"})
        await admin.patch("/models/chat", {"premium": False})
        await admin.patch("/models/chat", {"fallbacks": ["gone"]})
        await admin.patch("/models/chat", {"premium": True})
        await heard.until(of(made, 2))
        key = f"{admin.workspace}/{made['id']}".encode()
        assert len([record for record in heard.seen if record.key == key]) == 2


async def test_a_broker_that_comes_back_empty_is_told_everything_again(
    make_settings: Any, run_app: Any, tokens: Any, broker: Any, bodies: dict[str, Any]
) -> None:
    settings = make_settings(kafka_bootstrap_servers=broker.address)
    headers = {"authorization": f"Bearer {tokens.person({'*': ['admin']})}"}
    async with run_app(create_app(settings)) as client:

        async def made(path: str, body: dict[str, Any]) -> dict[str, Any]:
            answer = await client.post(f"/v1/workspaces{path}", json=body, headers=headers)
            assert answer.status_code == 201, answer.text
            created: dict[str, Any] = answer.json()
            return created

        created = [await made("", {"name": "acme"})]
        created += [await made(f"/acme/{segment}", body) for segment, body in bodies.items()]
        gone = await made("/acme/models", {"name": "gone"})
        await client.delete("/v1/workspaces/acme/models/gone", headers=headers)
        async with feed(settings, beginning=True) as heard:
            await heard.until(of(gone, None), seconds=10)

        broker.stop()
        meanwhile = await made("/acme/models", {"name": "meanwhile"})
        ready = await client.get("/readyz")
        assert ready.status_code == 200  # without Kafka, changes are kept
        await broker.start()

        async with feed(settings, beginning=True) as heard:
            for resource in (*created, meanwhile):
                await heard.until(of(resource), seconds=20)
            later = await made("/acme/models", {"name": "later"})
            await heard.until(of(later), seconds=5)
            told = {record.key.decode() for record in heard.seen if record.value is not None}
        assert f"acme/{gone['id']}" not in told


async def test_writes_go_on_without_a_broker_and_are_heard_later(
    make_settings: Any, run_app: Any, tokens: Any, broker: Any
) -> None:
    broker.stop()
    settings = make_settings(kafka_bootstrap_servers=broker.address)
    headers = {"authorization": f"Bearer {tokens.person({'*': ['admin']})}"}
    async with run_app(create_app(settings)) as client:
        answer = await client.post("/v1/workspaces", json={"name": "acme"}, headers=headers)
        assert answer.status_code == 201
        checks = (await client.get("/readyz")).json()["checks"]
        assert (checks["database"]["ok"], checks["kafka"]["ok"]) == (True, False)
        await broker.start()
        async with feed(settings, beginning=True) as heard:
            await heard.until(of(answer.json()), seconds=20)
        metrics = (await client.get("/metrics")).text
        assert "tollway_outbox_waiting_events" in metrics

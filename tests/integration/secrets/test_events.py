"""What the service publishes."""

import asyncio
import json
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from tollway_contracts.events import CredentialChanged
from tollway_contracts.topics import CREDENTIALS


async def records(kafka: str, credential_id: str, count: int) -> list[Any]:
    """Return a credential's records, once there are `count`."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [
            TopicPartition(CREDENTIALS.name, number) for number in range(CREDENTIALS.partitions)
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        found: list[Any] = []
        async with asyncio.timeout(20):
            while len(found) < count:
                batch = await consumer.getmany(timeout_ms=200)
                found += [
                    record
                    for part in batch.values()
                    for record in part
                    if record.key == credential_id.encode()
                ]
        return found
    finally:
        await consumer.stop()


async def test_a_credential_s_life_is_published_in_order(
    api: Any, infrastructure: Any, workspace: str
) -> None:
    # A topic that was never seen is filled with the present state first; let that be over.
    before = await api.create(workspace, name="before")
    await records(infrastructure.kafka, before["id"], 1)
    created = await api.create(workspace)
    path, admin = f"{workspace}/credentials/key", api.admin(workspace)
    await api.call("PATCH", path, admin, json={"data": {"api_key": "new"}})
    await api.call("POST", f"{workspace}/rewrap", admin, json={"rotate": True})
    await api.call("DELETE", path, admin)
    found = await records(infrastructure.kafka, created["id"], 3)
    bodies = [None if record.value is None else json.loads(record.value) for record in found]
    common = {"id": created["id"], "workspace": workspace, "name": "key", "type": "api-key"}
    assert bodies == [
        {**common, "version": 1, "reason": "created"},
        {**common, "version": 2, "reason": "rotated"},
        None,
    ]
    assert CredentialChanged.from_newer(found[0].value).version == 1
    headers = dict(found[0].headers)
    assert headers["ce_type"] == CREDENTIALS.event_type.encode()
    assert headers["ce_subject"] == created["id"].encode()
    assert headers["ce_source"] == b"/tollway/secrets"


async def test_the_present_state_is_what_a_lost_log_is_filled_with(
    api: Any, settings: Any, workspace: str
) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    from tollway_secrets.events import snapshot

    created = await api.create(workspace)
    engine = create_async_engine(str(settings.database_url))
    try:
        async with engine.connect() as connection:
            events = [event async for event in snapshot(connection, CREDENTIALS.name)]
            other = [event async for event in snapshot(connection, "tollway.models.v1")]
    finally:
        await engine.dispose()
    mine = [event for event in events if event.key == created["id"]]
    assert [json.loads(event.body or b"")["reason"] for event in mine] == ["republished"]
    assert other == []

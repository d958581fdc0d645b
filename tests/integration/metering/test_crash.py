"""The process is killed at any moment; afterwards the ledger has everything once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from decimal import Decimal

import pytest
from sqlalchemy import text


@pytest.fixture
def start(tmp_path):
    """Start the service as a process of its own; what still runs at the end is killed."""
    started = []

    def start(settings):
        environment = {
            "PATH": os.environ["PATH"],
            "TOLLWAY_PORT": "0",
            "TOLLWAY_DATABASE_URL": str(settings.database_url),
            "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "TOLLWAY_KAFKA_REPLICATION_FACTOR": "1",
            "TOLLWAY_KAFKA_IDEMPOTENCE": "false",
            "TOLLWAY_PEOPLE_ISSUER": settings.people_issuer,
            "TOLLWAY_PEOPLE_JWKS": settings.people_jwks,
        }
        command = [sys.executable, "-m", "tollway_metering", "serve"]
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stderr=log)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("seed", range(2))
async def test_a_killed_process_loses_nothing_and_counts_nothing_twice(
    broker, configure, engine_of, start, build, seed
):
    random.seed(seed)
    settings = configure(broker.address)
    await broker.publish_price(build.price())
    bodies = [build.usage(model=random.choice(["chat", "none"])) for _ in range(4000)]
    engine = engine_of(settings)

    async def publish():
        for number in range(0, len(bodies), 100):
            await broker.publish(*bodies[number : number + 100])
            await asyncio.sleep(0.15)

    publishing = asyncio.create_task(publish())
    process = start(settings)
    await build.until(stored(engine, 1), 40)
    for _ in range(3):
        await asyncio.sleep(random.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen = await number_stored(engine)
        process = start(settings)
        await build.until(stored(engine, min(seen + 1, len(bodies))), 40)
    await publishing
    await build.until(stored(engine, len(bodies)), 40)
    await broker.publish(*bodies)  # and everything once more
    await asyncio.sleep(2)
    chat = sum(body["model"] == "chat" for body in bodies)
    async with engine.connect() as connection:
        (row,) = await connection.execute(text(TOTALS))
    assert tuple(row) == (4000, chat, Decimal(chat) * 20 / 1_000_000, *row[2:3], 4000, 4000 - chat)


TOTALS = """
SELECT (SELECT count(*) FROM usage_event), (SELECT count(*) FROM charge),
    (SELECT sum(amount) FROM charge), (SELECT sum(amount) FROM rollup),
    (SELECT sum(requests) FROM rollup), (SELECT count(*) FROM unpriced_usage)
"""


async def test_what_was_stored_and_not_acknowledged_comes_again_and_changes_nothing(
    broker, configure, serve, engine_of, build, monkeypatch
):
    """A process that dies after the commit and before the acknowledgement."""
    settings = configure(broker.address)
    engine = engine_of(settings)

    async def die(*_):
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr("tollway_metering.feed.consumers.Consumers._acknowledge", die)
        async with serve(settings):
            await broker.publish(*(build.usage() for _ in range(30)))
            await build.until(stored(engine, 30), 40)
    async with serve(settings) as api:
        await build.until(lambda: all_again(api))
        assert len(await api.usage()) == 30
        assert (await api.costs())["unpriced"]["requests"] == 30


async def all_again(api):
    return await api.metric("tollway_metering_duplicates_total") == 30


async def number_stored(engine):
    async with engine.connect() as connection:
        return (await connection.execute(text("SELECT count(*) FROM usage_event"))).scalar_one()


def stored(engine, number):
    async def check():
        return await number_stored(engine) >= number

    return check

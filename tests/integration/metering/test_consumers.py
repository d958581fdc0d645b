"""Records from the real broker: none lost, none twice, whatever happens to whom."""

import asyncio
import json
import socket
from datetime import UTC, datetime

import pytest
from sqlalchemy.engine import make_url

from tollway_contracts.topics import USAGE, USAGE_DEAD_LETTER
from tollway_metering.feed.usage import UsageFeed


@pytest.fixture
async def running(broker, configure, serve):
    """The service, joined and idle."""
    async with serve(configure(broker.address)) as api:
        await joined(api)
        yield api


async def joined(api):
    for _ in range(300):
        checks = (await api.client.get("/readyz")).json()["checks"]
        if checks["kafka"]["ok"]:
            return
        await asyncio.sleep(0.1)
    pytest.fail("Kafka was not reached")


def count(expected, **query):
    async def counted(api):
        items = await api.usage(limit=1000, **query)
        return len(items) == expected and items

    return counted


async def test_usage_is_charged_and_visible_within_two_seconds(running, broker, build):
    await broker.publish_price(build.price())
    # The lag is only looked at now and then; that a price is known shows in what it prices.
    first = build.usage()
    await broker.publish(first)
    await build.until(lambda: priced(running, first["request_id"]))
    for _ in range(3):
        body = build.usage(occurred_at=datetime.now(UTC).isoformat())
        await broker.publish(body)
        published = asyncio.get_running_loop().time()
        (item,) = await build.until(lambda body=body: running.usage(request_id=body["request_id"]))
        assert item["amount"] == "0.00002"
        assert asyncio.get_running_loop().time() - published < 2
    assert await running.metric("tollway_metering_charge_delay_seconds_count") == 4
    assert await running.metric('tollway_metering_charge_delay_seconds_bucket{le="2.0"}') >= 3


async def priced(api, request_id):
    """Whether a request is charged, at once or when its price had arrived."""
    return [item for item in await api.usage(request_id=request_id) if item["amount"] is not None]


async def test_duplicates_are_counted_and_charged_once(running, broker, build):
    bodies = [build.usage() for _ in range(50)]
    await broker.publish(*bodies, *bodies)
    await broker.publish(*bodies)
    await build.until(lambda: consumed(running, 150))
    assert len(await running.usage(limit=1000)) == 50
    assert await running.metric("tollway_metering_duplicates_total") == 100
    assert await running.metric("tollway_metering_unpriced_total") == 50


async def consumed(api, number):
    return await api.metric("tollway_metering_records_total") == number


async def test_a_poison_record_goes_aside_as_it_came_and_costs_no_neighbour(running, broker, build):
    good = [build.usage() for _ in range(40)]
    poison = [
        (b"k1", b"{not json"),
        (b"k2", None),
        (None, b"\xff\xfe\x00"),
        (b"k4", json.dumps(build.usage(meters={"input_uncached": -1})).encode()),
        (b"k5", json.dumps(build.usage(sequence=2**63)).encode()),  # PostgreSQL refuses it
    ]
    mixed = [*good[:20], *poison[:3], *good[20:], *poison[3:]]
    headers = [("x", b"\xff\xfe"), ("x", b"again"), ("ce_type", USAGE.event_type.encode())]
    await broker.publish(*mixed, headers=headers)
    await build.until(lambda: consumed(running, 45))
    assert len(await running.usage(limit=1000)) == 40
    letters = await broker.records(USAGE_DEAD_LETTER.name)
    # Tansu gives a body that is not there back as an empty one.
    assert sorted((record.key or b"", record.value or b"") for record in letters) == sorted(
        (key or b"", value or b"") for key, value in poison
    )
    for record in letters:
        assert list(record.headers[:3]) == headers
        (reason_name, reason), (origin_name, origin) = record.headers[3:]
        assert (reason_name, origin_name) == ("tollway-reason", "tollway-origin")
        assert reason
        topic, partition, offset = origin.decode().split("/")
        assert (topic, partition.isdigit(), offset.isdigit()) == (USAGE.name, True, True)
    assert await running.metric("tollway_metering_dead_lettered_total") == 5
    assert await running.metric("tollway_metering_stopped") == 0


async def test_a_poison_record_that_is_too_large_to_be_moved_holds_nobody_up(
    running, broker, build
):
    huge = b"x" * 2_000_000
    await broker.publish((b"huge", huge), build.usage(), largest=3_000_000)
    await build.until(lambda: consumed(running, 2))
    (letter,) = await letters(broker)
    headers = dict(letter.headers)
    assert (letter.key, letter.value or b"") == (b"huge", b"")
    assert b"2000000 bytes left out" in headers["tollway-reason"]
    assert headers["tollway-origin"].startswith(USAGE.name.encode())


async def test_when_nearly_all_records_fail_it_stops_instead_of_diverting_them(
    broker, configure, serve, build
):
    settings = configure(broker.address)
    async with serve(settings) as api:
        await joined(api)
        await broker.publish(*((b"k", b"bad") for _ in range(300)))
        await build.until(lambda: stopped(api))
        assert len(await broker.records(USAGE_DEAD_LETTER.name)) == 100
        ready = await api.client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["usage"]["ok"]) == (200, False)
        assert (await api.costs())["total"] == "0"
    # A restart tries again, from the first that was not acknowledged.
    async with serve(settings) as api:
        await build.until(lambda: stopped(api))
        origins = [dict(r.headers)["tollway-origin"] for r in await letters(broker)]
        assert len(origins) == 200
        assert len(set(origins)) < 200


async def letters(broker):
    return await broker.records(USAGE_DEAD_LETTER.name)


async def stopped(api):
    return await api.metric("tollway_metering_stopped") == 1


async def test_an_error_that_nobody_foresaw_loses_no_record(running, broker, build, monkeypatch):
    """FastStream would log it, and acknowledge the lost records with the next batch."""
    failures = iter([True, True, False])
    original = UsageFeed._settle

    async def broken(*arguments):
        if next(failures, False):
            raise TypeError("a bug")
        await original(*arguments)

    monkeypatch.setattr("tollway_metering.feed.consumers.BUG_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(UsageFeed, "_settle", broken)
    await broker.publish(*(build.usage() for _ in range(20)))
    await broker.publish(*(build.usage() for _ in range(20)))
    await build.until(lambda: consumed(running, 40))
    assert len(await running.usage()) == 40


class Wire:
    """A way to the database that can be cut, so that nobody else's database is."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.writers = set()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.server = None

    async def mend(self):
        self.server = await asyncio.start_server(self.connect, "127.0.0.1", self.port)

    async def cut(self):
        self.server.close()
        for writer in list(self.writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def connect(self, reader, writer):
        far_reader, far_writer = await asyncio.open_connection(*self.target)
        self.writers |= {writer, far_writer}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.copy(reader, far_writer))
                group.create_task(self.copy(far_reader, writer))
        finally:
            self.writers -= {writer, far_writer}

    async def copy(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()


def through(settings):
    """Settings whose database is reached by a wire, and the wire."""
    url = make_url(str(settings.database_url))
    wire = Wire(url.host, url.port)
    ours = url.set(host="127.0.0.1", port=wire.port).render_as_string(hide_password=False)
    return wire, settings.model_copy(update={"database_url": ours})


async def test_a_service_that_ends_while_the_database_is_away_has_acknowledged_nothing(
    broker, configure, serve, build
):
    settings = configure(broker.address)
    wire, wired = through(settings)
    await wire.mend()
    async with serve(wired) as api:
        await joined(api)
        await wire.cut()
        await broker.publish(*(build.usage() for _ in range(20)))
        await build.until(lambda: waits(api))
    async with serve(settings) as api:
        await build.until(lambda: consumed(api, 20))
        assert len(await api.usage()) == 20


async def waits(api):
    return await api.metric("tollway_metering_retries_total") > 1


async def test_while_the_database_is_away_usage_waits_and_then_is_there_once(
    broker, configure, serve, build
):
    wire, wired = through(configure(broker.address))
    await wire.mend()
    async with serve(wired) as api:
        await joined(api)
        await broker.publish_price(build.price())
        await broker.publish(*(build.usage() for _ in range(20)))
        await build.until(lambda: consumed(api, 20))
        publishing = asyncio.create_task(trickle(broker, build, 30))
        for _ in range(3):
            await wire.cut()
            assert (await api.client.get("/readyz")).status_code == 503
            assert (await api.get("acme/costs")).status_code == 503
            await asyncio.sleep(0.7)
            await wire.mend()
            await asyncio.sleep(0.3)
        await publishing
        await build.until(lambda: consumed(api, 320))
        report = await api.costs()
        assert (report["total"], report["rows"][0]["requests"]) == ("0.0064", 320)
        assert await api.metric("tollway_metering_retries_total") > 0
        assert await letters(broker) == []
    await wire.cut()


async def trickle(broker, build, rounds):
    for _ in range(rounds):
        await broker.publish(*(build.usage() for _ in range(10)))
        await asyncio.sleep(0.08)


async def test_a_broker_that_lost_its_memory_is_followed_from_its_new_beginning(
    running, broker, build
):
    await broker.publish_price(build.price())
    old = [build.usage() for _ in range(60)]
    await broker.publish(*old)
    await build.until(lambda: consumed(running, 60))
    broker.kill()
    await asyncio.sleep(1)
    await broker.start()
    new = [build.usage() for _ in range(5)]  # fewer than the offsets that it had
    await broker.publish(*old[:3], *new)
    await broker.publish_price(build.price(model="later"))
    ids = {body["id"] for body in [*old, *new]}

    async def all_there():
        return {item["id"] for item in await running.usage(limit=1000)} == ids

    await build.until(all_there, 40)
    await broker.publish(build.usage(model="later"))
    (item,) = await build.until(lambda: running.usage(model="later"))
    await build.until(lambda: charged(running, "later"))
    assert item["model"] == "later"


async def charged(api, model):
    return all(item["amount"] for item in await api.usage(model=model))


async def test_topics_that_come_back_late_are_noticed(running, broker, build):
    broker.kill()
    await asyncio.sleep(0.5)
    await broker.start()  # and nobody else makes the topics
    await asyncio.sleep(8)
    body = build.usage()
    await broker.publish(body)
    await build.until(lambda: running.usage(request_id=body["request_id"]))


async def test_a_service_that_starts_before_kafka_finds_it(broker, configure, serve, build):
    broker.kill()
    async with serve(configure(broker.address)) as api:
        await asyncio.sleep(0.5)
        assert (await api.client.get("/readyz")).status_code == 200
        await broker.start()
        body = build.usage()
        await broker.publish(body)
        await build.until(lambda: api.usage(request_id=body["request_id"]))


async def test_prices_from_the_registry_reach_usage_that_waits(running, broker, build):
    price = build.price()
    await broker.publish(build.usage(), build.usage(model="free"))
    await build.until(lambda: running.usage())
    model = {k: price[k] for k in ("workspace", "revision", "created_at", "updated_at")}
    await broker.publish_price(
        {**model, "resource": "model", "id": "mdl_1", "name": "chat"},
        (b"acme/prc_bad", b"{no json"),
        (b"acme/mdl_2", None),
        {**price, "revision": 1, "usd_per_mtok": {"input": "1", "output": "2"}},
        {**price, "model": "free", "id": "prc_free", "usd_per_mtok": {"input": "0", "output": "0"}},
    )
    await build.until(lambda: charged(running, "chat"))
    await build.until(lambda: charged(running, "free"))
    assert [i["amount"] for i in await running.usage(model="free")] == ["0"]
    assert await running.metric("tollway_metering_rejected_prices_total") == 1
    assert (await running.costs())["total"] == "0.00002"


async def test_a_deleted_price_is_not_used_any_more(running, broker, build):
    price = build.price()
    await broker.publish_price(price)
    await broker.publish(build.usage(api_key="before"))
    await build.until(lambda: charged_by(running, "before"))
    await broker.publish_price((f"acme/{price['id']}".encode(), None))
    await asyncio.sleep(3)
    await broker.publish(build.usage(api_key="after"))
    (item,) = await build.until(lambda: running.usage(api_key="after"))
    assert item["amount"] is None


async def charged_by(api, key):
    items = await api.usage(api_key=key)
    return bool(items) and items[0]["amount"] is not None


async def test_two_replicas_share_the_work_and_a_departing_one_loses_nothing(
    broker, configure, serve, build
):
    settings = configure(broker.address)
    async with serve(settings) as one:
        await joined(one)
        await broker.publish_price(build.price())
        async with serve(settings) as two:
            publishing = asyncio.create_task(trickle(broker, build, 60))
            await joined(two)
            await publishing
        await build.until(count_of(one, 600), 40)
        report = await one.costs()
        assert (report["total"], report["rows"][0]["requests"]) == ("0.012", 600)


def count_of(api, number):
    async def check():
        rows = (await api.costs())["rows"]
        return bool(rows) and rows[0]["requests"] == number

    return check

"""The price book keeps every word ever said, and late prices reach usage that waits for them."""

import asyncio
import random
from decimal import Decimal

import pytest
from sqlalchemy import text

KEY = ("acme", "chat")


async def rows(engine, sql):
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(sql))]


BOOK = """
SELECT revision, meter, usd::text, recorded_to IS NULL FROM price_row ORDER BY revision, meter
"""


async def test_a_price_is_recorded_once_however_often_it_is_told(engine, book, build):
    price = build.price_of(build.price())
    await asyncio.gather(*(book.apply(price) for _ in range(5)))
    assert await rows(engine, BOOK) == [
        (1, "input_uncached", "1", True),
        (1, "output", "2", True),
    ]


async def test_a_new_revision_closes_the_old_one_and_keeps_it(engine, book, build):
    price = build.price()
    await book.apply(build.price_of(price))
    await book.apply(
        build.price_of({**price, "revision": 2, "usd_per_mtok": {"input": "3"}, "valid_to": None})
    )
    assert await rows(engine, BOOK) == [
        (1, "input_uncached", "1", False),
        (1, "output", "2", False),
        (2, "input_uncached", "3", True),
    ]
    gaps = "SELECT count(DISTINCT at) FROM price_row, unnest(ARRAY[recorded_to, recorded_at]) at"
    assert await rows(engine, gaps) == [(2,)]  # the old ends at the instant the new begins


async def test_an_older_revision_that_comes_late_says_nothing(engine, book, build):
    price = build.price()
    await book.apply(build.price_of({**price, "revision": 2}))
    await book.apply(build.price_of({**price, "usd_per_mtok": {"input": "9"}}))
    assert {row[0] for row in await rows(engine, BOOK)} == {2}


async def test_a_deleted_price_prices_nothing_new_and_stays_on_record(
    engine, api, ledger, book, build
):
    price = build.price()
    await book.apply(build.price_of(price))
    await ledger.record([build.measured(build.usage())])
    for _ in range(2):
        await book.remove(build.removed("acme", price["id"]))
    await book.apply(build.price_of(price))  # told again from the beginning of the log
    await ledger.record([build.measured(build.usage())])
    charged, unpriced = await api.usage()
    assert (charged["amount"], unpriced["amount"]) == ("0.00002", None)
    assert [row[3] for row in await rows(engine, BOOK)] == [False, False]


async def test_a_price_that_moves_to_another_model_leaves_the_first(api, ledger, book, build):
    price = build.price()
    await book.apply(build.price_of(price))
    await book.apply(build.price_of({**price, "revision": 2, "model": "other"}))
    await ledger.record([build.measured(build.usage()), build.measured(build.usage(model="other"))])
    assert [(i["model"], i["amount"]) for i in await api.usage()] == [
        ("chat", None),
        ("other", "0.00002"),
    ]


async def test_a_price_change_leaves_existing_charges_as_they_are(api, ledger, book, build):
    price = build.price()
    await book.apply(build.price_of(price))
    await ledger.record([build.measured(build.usage())])
    before = await api.usage(), await api.costs()
    await book.apply(build.price_of({**price, "revision": 2, "usd_per_mtok": {"input": "99"}}))
    await book.apply(build.price_of(build.price(valid_from="2021-01-01T00:00:00Z")))
    await ledger.charge_waiting(KEY)
    after = await api.usage(), await api.costs()
    assert after[0] == before[0]
    assert after[1]["rows"] == before[1]["rows"]


async def test_a_late_price_charges_what_waited_in_its_time_and_nothing_else(
    engine, api, ledger, book, build
):
    times = ("2026-06-30T23:59:59Z", "2026-07-01T00:00:00Z", "2026-07-31T23:59:59Z")
    events = [build.usage(occurred_at=at) for at in (*times, "2026-08-01T00:00:00Z")]
    await ledger.record([build.measured(body) for body in events])
    await ledger.record([build.measured(build.usage(workspace="umbrella"))])
    july = build.price(valid_from="2026-07-01T00:00:00Z", valid_to="2026-08-01T00:00:00Z")
    await book.apply(build.price_of(july))
    done = await ledger.charge_waiting(KEY)
    assert (len(done.charged), done.unpriced) == (2, 2)
    assert [i["amount"] for i in await api.usage()] == [None, "0.00002", "0.00002", None]
    report = await api.costs(**{"from": "2026-01-01", "to": "2027-01-01"})
    assert (report["total"], report["rows"][0]["requests"]) == ("0.00004", 2)
    assert report["unpriced"] == {"requests": 2, "meters": {"input_uncached": 20, "output": 10}}
    assert (await ledger.charge_waiting(KEY)).charged == ()
    sums = await rows(
        engine, "SELECT (SELECT sum(amount) FROM rollup), (SELECT sum(amount) FROM charge)"
    )
    assert sums[0][0] == sums[0][1]


async def test_a_partial_late_price_names_what_is_still_missing(api, ledger, book, build):
    await ledger.record([build.measured(build.usage(meters={"input_uncached": 1, "images": 2}))])
    await book.apply(build.price_of(build.price()))
    assert (await ledger.charge_waiting(KEY)).charged == ()
    items = (await api.read("acme/usage/unpriced"))["items"]
    assert [(item["meter"], item["quantity"]) for item in items] == [("images", 2)]


async def test_a_late_price_charges_more_than_one_step_holds(api, ledger, book, build):
    events = [build.measured(build.usage(meters={"output": 1})) for _ in range(1201)]
    await ledger.record(events)
    await book.apply(build.price_of(build.price()))
    await asyncio.gather(*(ledger.charge_waiting(KEY) for _ in range(3)))
    report = await api.costs()
    assert (report["total"], report["unpriced"]["requests"]) == ("0.002402", 0)
    assert report["rows"][0]["requests"] == 1201


@pytest.mark.parametrize("seed", range(4))
async def test_a_price_that_races_with_usage_leaves_nothing_unpriced_or_charged_twice(
    engine, api, ledger, book, build, seed
):
    random.seed(seed)
    events = [build.measured(build.usage(model=f"m{n % 2}")) for n in range(400)]
    prices = [build.price_of(build.price(model=f"m{n}")) for n in range(2)]

    async def ingest():
        for start in range(0, 400, 20):
            await ledger.record(events[start : start + 20])
            await asyncio.sleep(random.random() / 200)

    async def price(one):
        await asyncio.sleep(random.random() / 20)
        for key in await book.apply(one):
            await ledger.charge_waiting(key)

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(ingest())
        for one in prices:
            group.create_task(price(one))
    report = await api.costs()
    assert report["unpriced"] == {"requests": 0, "meters": {}}
    assert (report["total"], report["rows"][0]["requests"]) == ("0.008", 400)
    assert await rows(engine, "SELECT count(*), sum(amount) FROM charge") == [
        (400, Decimal("0.008"))
    ]


async def test_a_job_that_is_cut_short_goes_on_where_it_was(api, ledger, book, build, monkeypatch):
    await ledger.record([build.measured(build.usage()) for _ in range(10)])
    monkeypatch.setattr("tollway_metering.ledger.LATE_BATCH", 3)
    await book.apply(build.price_of(build.price()))
    steps = iter([False, True])
    original = ledger._charge_late

    async def cut(*arguments):
        if next(steps):
            raise ConnectionResetError
        return await original(*arguments)

    with monkeypatch.context() as patch, pytest.raises(ConnectionResetError):
        patch.setattr(ledger, "_charge_late", cut)
        await ledger.charge_waiting(KEY)
    assert (await api.costs())["unpriced"]["requests"] == 7
    await ledger.charge_waiting(KEY)
    report = await api.costs()
    assert (report["total"], report["unpriced"]["requests"]) == ("0.0002", 0)

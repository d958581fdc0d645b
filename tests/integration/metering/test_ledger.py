"""Usage is taken in once and charged once, whatever order, batch or repetition it comes in."""

import asyncio
import random
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

LEDGER = """
SELECT e.id, c.amount::text, e.meters::text, u.missing,
    (SELECT array_agg((l.meter, l.quantity, l.amount)::text ORDER BY l.meter)
        FROM charge_line l WHERE l.charge_id = c.id)
FROM usage_event e LEFT JOIN charge c ON c.usage_event_id = e.id
LEFT JOIN unpriced_usage u ON u.usage_event_id = e.id
WHERE e.workspace = :workspace ORDER BY e.id
"""
ROLLUPS = """
SELECT s.model, s.api_key, s.outcome, s.priced, r.bucket, r.requests, r.amount::text
FROM rollup r JOIN rollup_series s ON s.id = r.series_id WHERE s.workspace = :workspace
ORDER BY 1, 2, 3, 4, 5
"""
METER_ROLLUPS = """
SELECT s.model, s.api_key, s.outcome, s.priced, r.bucket, r.meter, r.quantity, r.amount::text
FROM rollup_meter r JOIN rollup_series s ON s.id = r.series_id WHERE s.workspace = :workspace
ORDER BY 1, 2, 3, 4, 5, 6
"""


async def everything(engine, workspace):
    async with engine.connect() as connection:
        return [
            [tuple(row) for row in await connection.execute(text(sql), {"workspace": workspace})]
            for sql in (LEDGER, ROLLUPS, METER_ROLLUPS)
        ]


async def value(engine, sql):
    async with engine.connect() as connection:
        return (await connection.execute(text(sql))).scalar()


async def test_an_event_that_comes_twice_changes_nothing(engine, ledger, book, build):
    await book.apply(build.price_of(build.price()))
    event = build.measured(build.usage())
    first = await ledger.record([event])
    before = await everything(engine, "acme")
    assert (first.stored, first.duplicates, len(first.charged)) == (1, 0, 1)
    again = await ledger.record([event, event])
    assert (again.stored, again.duplicates, again.charged) == (0, 2, ())
    assert await everything(engine, "acme") == before


async def test_an_event_with_a_known_id_changes_nothing_whatever_it_says(engine, ledger, build):
    body = build.usage()
    await ledger.record([build.measured(body)])
    before = await everything(engine, "acme")
    await ledger.record([build.measured({**body, "meters": {"output": 10**6}})])
    assert await everything(engine, "acme") == before


async def test_two_replicas_that_take_in_the_same_events_at_once_count_them_once(
    engine, ledger, book, build
):
    await book.apply(build.price_of(build.price()))
    events = [build.measured(build.usage(model=f"m{n % 3}")) for n in range(200)]
    await book.apply(build.price_of(build.price(model="m1")))
    orders = [random.sample(events, len(events)) for _ in range(6)]
    done = await asyncio.gather(*(ledger.record(order) for order in orders))
    assert sum(one.stored for one in done) == 200
    assert await value(engine, "SELECT count(*) FROM usage_event") == 200
    assert await value(engine, "SELECT sum(requests) FROM rollup") == 200
    assert await value(engine, "SELECT count(*) FROM charge") == 67
    assert await value(engine, "SELECT count(*) FROM unpriced_usage") == 133


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_order_batches_and_repetition_do_not_matter(data, engine, ledger, book, build):
    number = next(_workspaces)
    one, other = f"one-{number}", f"other-{number}"
    for workspace in (one, other):
        await book.apply(build.price_of(build.price(workspace=workspace, usd_per_mtok=CHEAP)))
    drawn = data.draw(st.lists(attempts, min_size=1, max_size=25))
    bodies = [build.usage(**fields) for fields in drawn]
    await ledger.record([build.measured({**body, "workspace": one}) for body in bodies])
    copies = [{**body, "id": f"{body['id']}x", "workspace": other} for body in bodies]
    repeated = data.draw(st.permutations(copies + data.draw(st.lists(st.sampled_from(copies)))))
    while repeated:
        size = data.draw(st.integers(1, len(repeated)))
        await ledger.record([build.measured(body) for body in repeated[:size]])
        repeated = repeated[size:]
    mine, theirs = await everything(engine, one), await everything(engine, other)
    assert [(f"{row[0]}x", *row[1:]) for row in mine[0]] == theirs[0]
    assert mine[1:] == theirs[1:]


CHEAP = {"input": "0.123456789", "output": "7.7"}
_workspaces = iter(range(1000))
attempts = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["chat", "unknown"]),
        "api_key": st.sampled_from(["one", "two"]),
        "outcome": st.sampled_from(["ok", "upstream_cut"]),
        "occurred_at": st.sampled_from(["2026-07-01T10:00:00Z", "2026-07-01T10:14:59Z"]),
        "meters": st.dictionaries(
            st.sampled_from(["input_uncached", "output", "reasoning", "images"]),
            st.integers(0, 10**12),
        ),
    }
)


async def test_rollups_are_the_sum_of_the_charges_to_the_last_digit(engine, ledger, book, build):
    price = build.price(usd_per_mtok={"input": "0.123456789012345", "output": "7.77"})
    await book.apply(build.price_of(price))
    random.seed(3)
    for _ in range(5):
        await ledger.record(
            [
                build.measured(
                    build.usage(
                        meters={
                            "input_uncached": random.randrange(10**9),
                            "output": random.randrange(10**6),
                        },
                        occurred_at=f"2026-07-01T{random.randrange(24):02}:{n % 60:02}:00Z",
                    )
                )
                for n in range(100)
            ]
        )
    charged = await value(engine, "SELECT sum(amount) FROM charge")
    lines = await value(engine, "SELECT sum(amount) FROM charge_line")
    rollups = await value(engine, "SELECT sum(amount) FROM rollup")
    meters = await value(engine, "SELECT sum(amount) FROM rollup_meter")
    assert isinstance(charged, Decimal)
    assert len(charged.as_tuple().digits) > 15
    assert charged == lines == rollups == meters
    by_meter = "SELECT sum(quantity) FROM rollup_meter WHERE meter = 'output'"
    stated = "SELECT sum((meters ->> 'output')::numeric) FROM usage_event"
    assert await value(engine, by_meter) == await value(engine, stated)


async def test_a_failing_batch_leaves_nothing_behind(engine, ledger, build, monkeypatch):
    async def broken(*_):
        raise ConnectionResetError

    monkeypatch.setattr("tollway_metering.store.ledger.insert_posting", broken)
    with pytest.raises(ConnectionResetError):
        await ledger.record([build.measured(build.usage())])
    assert await value(engine, "SELECT count(*) FROM usage_event") == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE charge SET amount = 0",
        "DELETE FROM charge",
        "UPDATE charge_line SET amount = 0",
        "DELETE FROM charge_line",
        "UPDATE usage_event SET meters = '{}'",
        "DELETE FROM usage_event",
        "TRUNCATE charge_line",
        "UPDATE price_row SET usd = 0",
        "DELETE FROM price_row",
        "UPDATE price_row SET recorded_to = NULL",
    ],
)
async def test_the_database_refuses_to_rewrite_what_was_charged(
    engine, ledger, book, build, change
):
    price = build.price()
    await book.apply(build.price_of(price))
    await book.apply(build.price_of({**price, "revision": 2}))
    await ledger.record([build.measured(build.usage())])
    before = await everything(engine, "acme")
    with pytest.raises(DBAPIError, match="append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(change))
    assert await everything(engine, "acme") == before


async def test_a_count_and_a_price_with_many_digits_are_charged_exactly(
    engine, ledger, book, build
):
    await book.apply(build.price_of(build.price(usd_per_mtok={"input": "0." + "123456789" * 3})))
    await ledger.record([build.measured(build.usage(meters={"input_uncached": 2**63 - 1}))])
    exact = (2**63 - 1) * int("123456789" * 3)
    amount = await value(engine, "SELECT amount FROM charge")
    assert amount.as_integer_ratio() == Decimal(f"{exact}E-33").as_integer_ratio()

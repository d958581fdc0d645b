"""Cost reports: exact in every time zone, for every span, by every group."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JULY = {"from": "2026-07-01", "to": "2026-08-01"}


@pytest.fixture
async def record(ledger, book, build):
    await book.apply(build.price_of(build.price()))

    async def record(*times, **fields):
        await ledger.record([build.measured(build.usage(occurred_at=at, **fields)) for at in times])

    return record


async def test_a_report_has_the_agreed_shape(api, record, ledger, build):
    await record("2026-07-02T10:00:00Z", "2026-07-02T11:00:00Z", api_key="one")
    await record("2026-07-03T10:00:00Z", api_key="two", meters={"output": 3, "reasoning": 2})
    unpriced = build.usage(occurred_at="2026-07-02T10:00:00Z", meters={"images": 2, "output": 1})
    await ledger.record([build.measured(unpriced)])
    report = await api.costs(**JULY, group_by="model,api_key", granularity="day")
    assert report == {
        "currency": "USD",
        "from": "2026-07-01T00:00:00Z",
        "to": "2026-08-01T00:00:00Z",
        "total": "0.000046",
        "rows": [
            {
                "model": "chat",
                "api_key": "one",
                "period": "2026-07-02T00:00:00Z",
                "amount": "0.00004",
                "requests": 2,
                "meters": {"input_uncached": 20, "output": 10},
            },
            {
                "model": "chat",
                "api_key": "two",
                "period": "2026-07-03T00:00:00Z",
                "amount": "0.000006",
                "requests": 1,
                "meters": {"output": 3, "reasoning": 2},
            },
        ],
        "unpriced": {"requests": 1, "meters": {"output": 1, "images": 2}},
    }


async def test_an_empty_report_costs_zero(api):
    report = await api.costs(**JULY)
    assert (report["total"], report["rows"]) == ("0", [])
    assert report["unpriced"] == {"requests": 0, "meters": {}}


async def test_without_parameters_it_is_this_month_until_now_in_one_row(api, record):
    now = datetime.now(UTC)
    last_month = now.replace(day=1, hour=0, minute=0, second=0) - timedelta(seconds=1)
    await record(now.isoformat(), last_month.isoformat())
    report = await api.costs()
    (row,) = report["rows"]
    assert row["requests"] == 1
    assert row["period"] == report["from"] == f"{now:%Y-%m}-01T00:00:00Z"
    assert report["to"] > now.isoformat()[:19]


@pytest.mark.parametrize("key", ["model", "api_key", "deployment", "provider", "outcome"])
async def test_it_groups_by(api, record, key):
    priced_anyway = {"model": "chat"}
    for value in ("ok", "upstream_cut") if key == "outcome" else ("b", "a"):
        fields = {key: value} if key != "model" else priced_anyway
        await record("2026-07-02T10:00:00Z", **fields)
    rows = (await api.costs(**JULY, group_by=key))["rows"]
    assert [row["amount"] for row in rows] == (["0.00004"] if key == "model" else ["0.00002"] * 2)
    assert [row[key] for row in rows] == sorted({row[key] for row in rows})


async def test_it_groups_by_cost_centre_and_shows_what_belongs_to_none(api, record):
    await record("2026-07-02T10:00:00Z", cost_centre="CC-1")
    await record("2026-07-02T10:00:00Z")
    rows = (await api.costs(**JULY, group_by="cost_centre"))["rows"]
    assert [row["cost_centre"] for row in rows] == ["CC-1", None]


async def test_an_unknown_group_is_refused_and_the_known_ones_are_named(api):
    answer = await api.get("acme/costs", group_by="model,colour")
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "unknown_group"
    assert "colour" in problem["detail"]
    assert "model, api_key, deployment, provider, outcome, cost_centre" in problem["detail"]


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "2026-07-01T00:00:00"},
        {"to": "0001-01-01"},
        {"from": "2026-08-01", "to": "2026-07-01"},
        {"tz": "Mars/Olympus"},
        {"tz": "\0"},
        {"granularity": "decade"},
        {"from": "1970-01-01", "granularity": "hour"},
        {"group_by": "\0"},
    ],
    ids=str,
)
async def test_a_parameter_that_makes_no_sense_is_named(api, query):
    answer = await api.get("acme/costs", **query)
    assert answer.status_code == 422
    assert next(iter(query)) in answer.json()["detail"] or "granularity" in answer.json()["detail"]


async def test_summers_first_and_last_days_have_23_and_25_hours(api, record):
    """Half an hour before and after each of Berlin's midnights around the clock changes."""
    zone = ZoneInfo("Europe/Berlin")
    for days in (("2026-03-28", "2026-03-31"), ("2026-10-24", "2026-10-27")):
        start = datetime.fromisoformat(days[0]).replace(tzinfo=zone).astimezone(UTC)
        end = datetime.fromisoformat(days[1]).replace(tzinfo=zone).astimezone(UTC)
        times = [start + timedelta(minutes=30 * n) for n in range(int((end - start) / HALF_HOUR))]
        await record(*(at.isoformat() for at in times))
        report = await api.costs(
            **{"from": days[0], "to": days[1]}, granularity="day", tz="Europe/Berlin"
        )
        expected = [
            len(list(group)) for _, group in groupby(times, lambda at: at.astimezone(zone).date())
        ]
        assert [row["requests"] for row in report["rows"]] == expected
        assert 46 in expected or 50 in expected
    assert report["rows"][1]["period"] == "2026-10-25T00:00:00+02:00"
    assert report["rows"][2]["period"] == "2026-10-26T00:00:00+01:00"


HALF_HOUR = timedelta(minutes=30)


async def test_both_hours_between_two_and_three_are_told_apart_when_summer_ends(api, record):
    await record("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T01:40:00Z")
    day = {"from": "2026-10-25", "to": "2026-10-26", "tz": "Europe/Berlin"}
    rows = (await api.costs(**day, granularity="hour"))["rows"]
    assert [(row["period"], row["requests"]) for row in rows] == [
        ("2026-10-25T02:00:00+02:00", 1),
        ("2026-10-25T02:00:00+01:00", 2),
    ]


async def test_a_zone_at_a_quarter_to_has_exact_days(api, record):
    """Kathmandu is 5:45 ahead: its day ends at 18:15 UTC."""
    await record("2026-07-01T18:14:59.999999Z", "2026-07-01T18:15:00Z")
    query = {"from": "2026-07-01", "to": "2026-07-03", "tz": "Asia/Kathmandu"}
    rows = (await api.costs(**query, granularity="day"))["rows"]
    assert [(row["period"], row["requests"]) for row in rows] == [
        ("2026-07-01T00:00:00+05:45", 1),
        ("2026-07-02T00:00:00+05:45", 1),
    ]


@pytest.mark.parametrize(
    ("granularity", "periods"),
    [
        ("week", ["2026-06-29T00:00:00Z", "2026-07-13T00:00:00Z"]),
        ("month", ["2026-07-01T00:00:00Z"]),
        ("total", ["2026-07-01T00:00:00Z"]),
    ],
)
async def test_a_period_is_named_by_its_beginning(api, record, granularity, periods):
    await record("2026-07-05T23:59:59Z", "2026-07-13T00:00:00Z")
    rows = (await api.costs(**JULY, granularity=granularity))["rows"]
    assert [row["period"] for row in rows] == periods


async def test_the_beginning_counts_and_the_end_does_not(api, record):
    await record("2026-07-01T10:07:00.000001Z", "2026-07-01T10:08:00Z", "2026-07-01T10:09:00Z")
    span = {"from": "2026-07-01T10:07:00.000001Z", "to": "2026-07-01T10:09:00Z"}
    assert (await api.costs(**span))["rows"][0]["requests"] == 2


async def test_a_request_that_is_charged_as_such_is_counted_at_the_edges_too(
    api, ledger, book, build
):
    await book.apply(build.price_of(build.price(usd_per_unit={"request": "0.5"})))
    body = build.usage(occurred_at="2026-07-01T10:07:00Z", meters={"output": 1})
    await ledger.record([build.measured(body)])
    for span in (JULY, {"from": "2026-07-01T10:07:00Z", "to": "2026-07-01T10:08:00Z"}):
        report = await api.costs(**span)
        assert report["total"] == "0.500002"
        assert report["rows"][0]["meters"] == {"output": 1, "requests": 1}


START = datetime(2026, 7, 1, tzinfo=UTC)
seconds = st.integers(0, 4 * 3600)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(seconds, min_size=1, max_size=30), seconds, seconds, st.sampled_from(["hour", "day"])
)
async def test_any_span_is_exact(api, ledger, book, build, times, one, other, granularity):
    workspace = f"span-{next(_workspaces)}"
    await book.apply(build.price_of(build.price(workspace=workspace)))
    bodies = [
        build.usage(
            workspace=workspace,
            occurred_at=(START + timedelta(seconds=n)).isoformat(),
            meters={"input_uncached": n + 1} if n % 5 else {"images": n + 1},
        )
        for n in times
    ]
    await ledger.record([build.measured(body) for body in bodies])
    first, last = sorted((one, other))
    report = await api.costs(
        workspace,
        **{
            "from": (START + timedelta(seconds=first)).isoformat(),
            "to": (START + timedelta(seconds=last)).isoformat(),
        },
        granularity=granularity,
        group_by="model",
    )
    inside = [n for n in times if first <= n < last]
    priced = [n + 1 for n in inside if n % 5]
    assert Decimal(report["total"]) * 1_000_000 == sum(priced)
    assert sum(row["requests"] for row in report["rows"]) == len(priced)
    assert sum(row["meters"]["input_uncached"] for row in report["rows"]) == sum(priced)
    assert report["unpriced"]["requests"] == len(inside) - len(priced)
    assert report["unpriced"]["meters"].get("images", 0) == sum(n + 1 for n in inside if not n % 5)


_workspaces = iter(range(1000))

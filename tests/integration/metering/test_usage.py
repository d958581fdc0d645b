"""Usage one by one, and receipts: every number opens down to the provider's own."""

import pytest

from tollway_metering.events import Measured

VERBATIM = '{"z": 1.0, "a":1e3, "big": 123456789012345678901234567890, "nested":{"b":[1,null]}}'


@pytest.fixture
async def priced(book, build):
    await book.apply(
        build.price_of(
            build.price(
                id="prc_1",
                name="chat-2026",
                revision=3,
                usd_per_mtok={"input": "0.25", "output": "2.00"},
            )
        )
    )


async def test_an_attempt_is_shown_with_its_charge(api, ledger, build, priced):
    body = build.usage(
        request_id="req_1", meters={"input_uncached": 1200, "output": 0, "reasoning": 0}
    )
    await ledger.record([build.measured(body)])
    (item,) = await api.usage(request_id="req_1")
    assert item.pop("charge_id").startswith("chg_")
    assert item == {
        "id": body["id"],
        "request_id": "req_1",
        "attempt": 1,
        "model": "chat",
        "deployment": "chat-a",
        "provider": "house",
        "api_key": "search",
        "outcome": "ok",
        "estimated": False,
        "flags": [],
        "raw_usage": body["raw_usage"],
        "meters": {"input_uncached": 1200, "output": 0, "reasoning": 0},
        "amount": "0.0003",
        "occurred_at": body["occurred_at"].replace("+00:00", "Z"),
    }


async def test_the_attempts_of_a_request_come_in_order(api, ledger, build, priced):
    bodies = [
        build.usage(request_id="req_1", attempt=n, occurred_at=f"2026-07-01T00:00:0{n}Z")
        for n in (2, 1, 3)
    ]
    await ledger.record([build.measured(body) for body in bodies])
    assert [item["attempt"] for item in await api.usage(request_id="req_1")] == [1, 2, 3]


async def test_usage_without_a_price_has_neither_amount_nor_charge(api, ledger, build):
    await ledger.record([build.measured(build.usage())])
    (item,) = await api.usage()
    assert (item["amount"], item["charge_id"]) == (None, None)


async def test_the_providers_numbers_come_out_as_they_came_in(api, ledger, build, priced):
    event = build.measured(build.usage()).event
    await ledger.record([Measured(event, VERBATIM)])
    answer = await api.get("acme/usage")
    assert f'"raw_usage":{VERBATIM},' in answer.text
    charge = answer.json()["items"][0]["charge_id"]
    assert f'"raw_usage":{VERBATIM},' in (await api.get(f"acme/charges/{charge}/receipt")).text


async def test_an_estimate_says_so_and_has_no_usage_object(api, ledger, build, priced):
    body = build.usage(estimated=True, raw_usage=None, flags=["usage_absent"])
    await ledger.record([build.measured(body)])
    (item,) = await api.usage()
    assert (item["estimated"], item["raw_usage"], item["flags"]) == (True, None, ["usage_absent"])


async def test_usage_is_filtered(api, ledger, build):
    one = build.usage(model="a/b", api_key="one", occurred_at="2026-07-01T00:00:00Z")
    two = build.usage(model="chat", api_key="two", occurred_at="2026-07-02T00:00:00Z")
    await ledger.record([build.measured(one), build.measured(two)])

    async def ids(**query):
        return [item["id"] for item in await api.usage(**query)]

    assert await ids() == [one["id"], two["id"]]
    assert await ids(model="a/b") == [one["id"]]
    assert await ids(api_key="two") == [two["id"]]
    assert await ids(**{"from": "2026-07-02"}) == [two["id"]]
    assert await ids(to="2026-07-02") == [one["id"]]
    assert await ids(**{"from": "2026-07-02", "tz": "Europe/Berlin"}) == [two["id"]]
    assert await ids(request_id="req_unknown") == []


async def test_a_list_is_paged_without_gaps_or_repetition(api, ledger, build):
    bodies = [build.usage(occurred_at="2026-07-01T00:00:00.123456Z") for _ in range(7)]
    await ledger.record([build.measured(body) for body in bodies])
    seen, cursor = [], {}
    while True:
        page = await api.read("acme/usage", limit=3, **cursor)
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [body["id"] for body in bodies]


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": "WyJhIiwgImIiXQ"},
        {"limit": 0},
        {"limit": 1001},
        {"request_id": "\0"},
        {"model": "\0"},
        {"api_key": "A!"},
        {"from": "\0"},
    ],
    ids=str,
)
async def test_a_filter_that_makes_no_sense_is_refused_by_name(api, query):
    answer = await api.get("acme/usage", **query)
    assert answer.status_code == 422
    assert next(iter(query)) in answer.json()["detail"]


async def test_a_receipt_opens_a_charge_down_to_its_arithmetic(api, ledger, build, priced):
    body = build.usage(
        request_id="req_1",
        meters={"input_uncached": 1200, "output": 34, "reasoning": 30},
        flags=["cache_clamped"],
        occurred_at="2026-07-01T00:00:00Z",
    )
    await ledger.record([build.measured(body)])
    (item,) = await api.usage()
    receipt = await api.read(f"acme/charges/{item['charge_id']}/receipt")
    common = {"price_id": "prc_1", "price_name": "chat-2026", "price_revision": 3}
    assert receipt == {
        "charge_id": item["charge_id"],
        "usage_event_id": body["id"],
        "request_id": "req_1",
        "attempt": 1,
        "model": "chat",
        "deployment": "chat-a",
        "provider": "house",
        "occurred_at": "2026-07-01T00:00:00Z",
        "currency": "USD",
        "raw_usage": body["raw_usage"],
        "meters": body["meters"],
        "estimated": False,
        "flags": ["cache_clamped"],
        "lines": [
            {
                "meter": "input_uncached",
                "quantity": 1200,
                "unit_price_usd": "0.25",
                "per_units": 1_000_000,
                **common,
                "valid_from": "2020-01-01T00:00:00Z",
                "amount": "0.0003",
                "arithmetic": "1200 × 0.25 / 1000000 = 0.0003",
            },
            {
                "meter": "output",
                "quantity": 34,
                "unit_price_usd": "2",
                "per_units": 1_000_000,
                **common,
                "valid_from": "2020-01-01T00:00:00Z",
                "amount": "0.000068",
                "arithmetic": "34 × 2 / 1000000 = 0.000068",
            },
        ],
        "total": "0.000368",
    }
    assert receipt["total"] == item["amount"]


async def test_a_refused_attempt_has_a_receipt_of_nothing(api, ledger, build):
    body = build.usage(outcome="upstream_refused", meters={}, raw_usage=None)
    await ledger.record([build.measured(body)])
    (item,) = await api.usage()
    receipt = await api.read(f"acme/charges/{item['charge_id']}/receipt")
    assert (receipt["lines"], receipt["total"], item["amount"]) == ([], "0", "0")


async def test_a_receipt_shows_the_price_of_then_after_the_price_has_changed(
    api, ledger, book, build, priced
):
    await ledger.record([build.measured(build.usage(meters={"output": 1}))])
    dearer = build.price(id="prc_1", revision=4, usd_per_mtok={"output": "99"})
    await book.apply(build.price_of(dearer))
    (item,) = await api.usage()
    (line,) = (await api.read(f"acme/charges/{item['charge_id']}/receipt"))["lines"]
    assert (line["unit_price_usd"], line["price_revision"]) == ("2", 3)


@pytest.mark.parametrize("charge", ["chg_unknown", "%2e%2e", "x" * 200])
async def test_an_unknown_charge_is_not_found(api, charge):
    answer = await api.get(f"acme/charges/{charge}/receipt")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


async def test_what_waits_for_a_price_is_summed_up_by_model_and_meter(api, ledger, book, build):
    await book.apply(build.price_of(build.price()))
    await ledger.record(
        [
            build.measured(build.usage(meters={"output": 1, "images": n, "web_searches": 1}))
            for n in (1, 2)
        ]
    )
    await ledger.record([build.measured(build.usage(model="zoo", meters={"seconds": 7}))])
    items = (await api.read("acme/usage/unpriced"))["items"]
    assert [(i["model"], i["meter"], i["requests"], i["quantity"]) for i in items] == [
        ("chat", "images", 2, 3),
        ("chat", "web_searches", 2, 2),
        ("zoo", "seconds", 1, 7),
    ]


async def test_the_api_says_503_while_the_database_is_away(serve, configure):
    settings = configure()
    gone = settings.model_copy(
        update={"database_url": str(settings.database_url).replace("metering_", "absent_")}
    )
    async with serve(gone) as api:
        answer = await api.get("acme/costs")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        ready = await api.client.get("/readyz")
        assert ready.status_code == 503


async def test_without_kafka_the_service_is_ready_and_says_what_is_missing(api):
    ready = await api.client.get("/readyz")
    assert ready.status_code == 200
    checks = ready.json()["checks"]
    assert checks["database"] == {"ok": True, "required": True, "detail": "ok"}
    assert (checks["kafka"]["ok"], checks["kafka"]["required"]) == (False, False)

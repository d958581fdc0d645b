"""Reports: every digit of an amount as metering said it."""

import csv
import io
import json
from typing import Any

COSTS = "/v1/workspaces/demo/costs"
USAGE = "/v1/workspaces/demo/usage"
TINY = "0.000000000000000000000000000001"
HUGE = "123456789012345678901234567890.123456789012345678901234567891"


def costs(unpriced: int = 0) -> dict[str, Any]:
    def row(key: str | None, amount: str, **meters: int) -> dict[str, Any]:
        named = {"model": "m", "api_key": key, "period": "2026-03-01T00:00:00Z"}
        return {**named, "amount": amount, "requests": 2, "meters": meters}

    return {
        "currency": "USD",
        "from": "2026-03-01T00:00:00Z",
        "to": "2026-04-01T00:00:00Z",
        "total": HUGE,
        "rows": [
            row("search", TINY, output=7, input_uncached=5, cache_read=0),
            row(None, HUGE, output=9, audio_steps=4),
        ],
        "unpriced": {"requests": unpriced, "meters": {"output": 3} if unpriced else {}},
    }


def attempt(**more: Any) -> dict[str, Any]:
    return {
        "id": "use_1",
        "request_id": "req_1",
        "attempt": 1,
        "model": "m",
        "deployment": "d",
        "provider": "p",
        "outcome": "ok",
        "estimated": False,
        "flags": [],
        "raw_usage": {"total": 1.10},
        "meters": {"output": 7, "reasoning": 0},
        "amount": TINY,
        "charge_id": "chg_1",
        "occurred_at": "2026-03-01T00:00:00Z",
        **more,
    }


def test_costs_pass_the_question_on_and_show_every_digit_aligned_to_the_right(
    tollway, gateway
) -> None:
    gateway.say(COSTS, costs())
    options = ["--from", "2026-03-01", "--to", "2026-04-01T00:00:00+02:00"]
    options += ["--group-by", "model,api_key", "--granularity", "month", "--tz", "Europe/Berlin"]
    ran = tollway("report", "costs", *options)
    assert ran.code == 0, ran.err
    assert gateway.calls[-1].query == {
        "from": "2026-03-01",
        "to": "2026-04-01T00:00:00+02:00",
        "group_by": "model,api_key",
        "granularity": "month",
        "tz": "Europe/Berlin",
    }
    header, first, second, total, span = ran.out.splitlines()
    columns = ["period", "model", "api_key", "requests", "input_uncached", "output", "audio_steps"]
    assert header.split() == [*columns, "USD"]
    assert first.endswith(f" {TINY}")
    assert second.endswith(f" {HUGE}")
    assert len(first) == len(second) == len(total)
    assert (total.split()[0], total.split()[-1]) == ("total", HUGE)
    assert "2026-03-01T00:00:00Z" in span
    assert "unpriced" not in ran.out


def test_json_is_the_report_as_it_came(tollway, gateway) -> None:
    gateway.say(COSTS, costs(unpriced=1))
    assert json.loads(tollway("report", "costs", "-o", "json").out) == costs(unpriced=1)


def test_csv_has_a_row_for_each_row_and_the_same_digits(tollway, gateway) -> None:
    gateway.say(COSTS, costs(unpriced=3))
    ran = tollway("report", "costs", "-o", "csv")
    first, second = csv.DictReader(io.StringIO(ran.out))
    assert (first["amount_usd"], second["amount_usd"]) == (TINY, HUGE)
    assert (first["cache_read"], second["cache_read"]) == ("0", "")  # absent is not zero
    assert (first["api_key"], second["api_key"]) == ("search", "")
    assert "unpriced: 3 requests" in ran.err


def test_what_has_no_price_is_shown_apart_and_in_yellow(tollway, gateway) -> None:
    gateway.say(COSTS, costs(unpriced=3))
    assert "unpriced: 3 requests (output 3)" in tollway("report", "costs").out.splitlines()[-1]
    assert "\x1b[33munpriced: 3 requests" in tollway.at_terminal("report", "costs").out


def test_an_empty_report_is_a_total_of_nothing(tollway, gateway) -> None:
    gateway.say(COSTS, {**costs(), "rows": [], "total": "0"})
    ran = tollway("report", "costs")
    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == ["total", "0"]


def test_usage_lists_attempts_with_what_each_cost(tollway, gateway) -> None:
    waiting = attempt(amount=None, charge_id=None, estimated=True, outcome="upstream_cut")
    gateway.say(USAGE, {"items": [attempt(), waiting], "next": None})
    ran = tollway("report", "usage", "--request-id", "req_1")
    assert gateway.calls[-1].query == {"limit": "500", "request_id": "req_1"}
    _, first, second = ran.out.splitlines()
    assert f" {TINY}  chg_1" in first
    assert "upstream_cut, estimated" in second
    assert " unpriced  -" in second
    assert "output 7" in first
    assert json.loads(tollway("report", "usage", "-o", "json").out) == [attempt(), waiting]


def test_usage_without_a_time_is_recent_and_says_when_there_is_more(tollway, gateway) -> None:
    gateway.say(USAGE, {"items": [attempt(), attempt()], "next": None})
    ran = tollway("report", "usage", "--limit", "1")
    assert gateway.calls[-1].query["from"].endswith("Z")
    assert len(ran.out.splitlines()) == 2
    assert "more than the first 1" in ran.err


def test_a_receipt_goes_from_the_providers_numbers_to_the_total(tollway, gateway) -> None:
    line = {
        "meter": "output",
        "quantity": 7,
        "unit_price_usd": "2",
        "per_units": 1_000_000,
        "price_id": "prc_1",
        "price_name": "m-2026",
        "price_revision": 3,
        "valid_from": "2026-01-01T00:00:00Z",
        "amount": "0.000014",
        "arithmetic": "7 × 2 / 1000000 = 0.000014",
    }
    receipt = {**attempt(), "currency": "USD", "lines": [line], "total": "0.000014"}
    text = json.dumps(receipt).replace("1.1", "1.10").encode()
    gateway.say("/v1/workspaces/demo/charges/chg_1/receipt", text)
    ran = tollway("report", "receipt", "chg_1")
    assert ran.code == 0, ran.err
    order = ['"total": 1.10', "output 7, reasoning 0", "m-2026 (revision 3)", line["arithmetic"]]
    places = [ran.out.index(part) for part in [*order, "total 0.000014 USD"]]
    assert places == sorted(places)
    assert '"total": 1.10' in tollway("report", "receipt", "chg_1", "-o", "json").out
    assert "total: 1.10" in tollway("report", "receipt", "chg_1", "-o", "yaml").out
    for foreign in ("..", "a/b", ""):
        assert tollway("report", "receipt", foreign).code == 2

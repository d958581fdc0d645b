"""Prices are appended, not rewritten."""

from typing import Any

import pytest


async def test_a_price_changes_its_end_and_its_note_only(
    admin: Any, bodies: dict[str, Any]
) -> None:
    await admin.fill("prices")
    path = f"/prices/{bodies['prices']['name']}"
    for patch in (
        {"usd_per_mtok": {"input": "0.3"}},
        {"usd_per_mtok": {"output": None}},
        {"valid_from": "2026-02-01T00:00:00Z"},
        {"usdPerUnit": {"request": 1}, "note": "and more"},
        {"deployment": "house-chat-a"},
    ):
        answer = await admin.patch(path, patch)
        assert answer.status_code == 422, patch
        assert "make a new price row" in answer.json()["detail"]
    allowed = {"note": "until summer", "valid_to": "2026-07-01T00:00:00+02:00"}
    changed = (await admin.patch(path, allowed)).json()
    assert (changed["note"], changed["valid_to"]) == ("until summer", "2026-06-30T22:00:00Z")
    reopened = await admin.patch(path, {"valid_to": None})
    assert reopened.json()["valid_to"] is None
    backwards = await admin.patch(path, {"valid_to": "2025-01-01T00:00:00Z"})
    assert backwards.status_code == 422


@pytest.mark.parametrize("deployment", [None, "house-chat-a"])
async def test_two_prices_never_begin_at_the_same_time(
    admin: Any, bodies: dict[str, Any], deployment: str | None
) -> None:
    await admin.fill("deployments")
    price = {**bodies["prices"], "deployment": deployment}
    await admin.made("/prices", price)
    same = {**price, "name": "same-moment", "valid_from": "2026-01-01T01:00:00+01:00"}
    answer = await admin.post("/prices", same)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")
    assert "valid_from" in answer.json()["detail"]
    await admin.made("/prices", {**same, "valid_from": "2026-01-01T00:00:01Z"})


async def test_a_deployments_own_price_stands_beside_the_models(
    admin: Any, bodies: dict[str, Any]
) -> None:
    await admin.fill("prices")
    own = {**bodies["prices"], "name": "own", "deployment": "house-chat-a"}
    assert (await admin.made("/prices", own))["deployment"] == "house-chat-a"


async def test_amounts_are_written_as_they_were_said(admin: Any, bodies: dict[str, Any]) -> None:
    await admin.fill("models")
    amounts = {"input": "0.2500", "output": 1e-7, "cache_read": 3, "cache_write": "1e3"}
    made = await admin.made("/prices", {**bodies["prices"], "usd_per_mtok": amounts})
    assert made["usd_per_mtok"] == {
        "input": "0.2500",
        "output": "0.0000001",
        "cache_read": "3",
        "cache_write": "1000",
        "cache_write_1h": None,
        "input_audio": None,
        "output_audio": None,
        "input_image": None,
        "output_image": None,
    }


@pytest.mark.parametrize(
    "amount", ["-1", "NaN", "Infinity", "1_0", " 1", "", "1e99", "٣", True, -1]
)
async def test_an_amount_that_is_no_price_is_refused(
    admin: Any, bodies: dict[str, Any], amount: Any
) -> None:
    await admin.fill("models")
    price = {**bodies["prices"], "usd_per_mtok": {"input": amount}}
    answer = await admin.post("/prices", price)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "usd_per_mtok.input"

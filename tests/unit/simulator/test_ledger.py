"""The simulator's own count, which everything else is held to."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tollway_simulator.keys import fingerprint
from tollway_simulator.ledger import Entry, Ledger
from tollway_simulator.usage import Usage

CHAT = "/v1/chat/completions"
CLAUDE = "/v1/messages"


def body(model: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "hello"}]
    return {"model": model, "max_tokens": 5000, "messages": messages, **more}


async def entries(http: httpx2.AsyncClient, since: int = 0) -> list[dict[str, Any]]:
    page = (await http.get("/sim/ledger", params={"since": since})).json()
    return list(page["entries"])


async def test_an_answer_is_booked_with_all_it_cost(http: httpx2.AsyncClient) -> None:
    answer = await http.post(
        CHAT, json=body("sim-echo;think=3"), headers={"x-tollway-request-id": "req-1"}
    )
    (entry,) = await entries(http)
    assert entry["wire"] == "openai-chat-completions"
    assert entry["model"] == "sim-echo"
    assert entry["script"] == "think=3"
    assert entry["request_id"] == "req-1"
    assert entry["response_id"] == answer.json()["id"]
    assert len(entry["key"]) == 12
    assert entry["usage"] == {
        "input_uncached": 2,
        "cache_read": 0,
        "cache_write_5m": 0,
        "cache_write_1h": 0,
        "output": 5,
        "reasoning": 3,
        "web_searches": 0,
    }
    assert (entry["complete"], entry["output_sent"], entry["streamed"]) == (True, 5, False)
    assert entry["at"].endswith("Z")


async def test_the_key_is_never_in_the_books(http: httpx2.AsyncClient) -> None:
    key = http.headers["authorization"].split()[1]
    await http.post(CLAUDE, json=body("sim-echo"), headers={"x-api-key": key})
    for path in ("/sim/ledger", "/sim/ledger/totals", "/sim/seen?last=9"):
        text = (await http.get(path)).text
        assert key not in text
        assert fingerprint(key) in text


@pytest.mark.parametrize("path", [CHAT, CLAUDE])
async def test_a_stream_is_booked_when_its_last_event_arrives(
    http: httpx2.AsyncClient, path: str
) -> None:
    asked = body("sim-echo;tokens=30;think=4", stream=True)
    async with http.stream("POST", path, json=asked) as answer:
        async for line in answer.aiter_lines():
            if line in ("data: [DONE]", 'data: {"type":"message_stop"}'):
                (entry,) = await entries(http)
    assert entry["complete"]
    assert entry["output_sent"] == entry["usage"]["output"] == 34


@pytest.mark.parametrize("path", [CHAT, CLAUDE])
@pytest.mark.parametrize("fault", ["cut", "end", "fail"])
async def test_an_interrupted_stream_costs_what_it_gave_out(
    http: httpx2.AsyncClient, path: str, fault: str
) -> None:
    events = 0
    text = ""
    try:
        asked = body(f"sim-echo;tokens=30;{fault}=8", stream=True)
        async with http.stream("POST", path, json=asked) as answer:
            async for line in answer.aiter_lines():
                data = json.loads(line[6:]) if line.startswith("data: {") else {}
                events += bool(data)
                text += _text(data)
    except httpx2.RemoteProtocolError:
        assert fault == "cut"
    (entry,) = await entries(http)
    assert not entry["complete"]
    assert entry["output_sent"] == entry["usage"]["output"] == -(-len(text) // 4) > 0
    assert entry["usage"]["input_uncached"] == 2


def _text(event: dict[str, Any]) -> str:
    if choices := event.get("choices"):
        return str(choices[0]["delta"].get("content", ""))
    return str(event.get("delta", {}).get("text", ""))


@pytest.mark.parametrize("path", [CHAT, CLAUDE])
async def test_a_client_that_leaves_is_billed_what_was_sent(
    http: httpx2.AsyncClient, path: str
) -> None:
    asked = body("sim-echo;tokens=1000;delay=20", stream=True)
    async with http.stream("POST", path, json=asked) as answer:
        received = 0
        async for line in answer.aiter_lines():
            received += bool(_text(json.loads(line[6:]) if line.startswith("data: {") else {}))
            if received == 3:
                break
    for _ in range(100):
        if found := await entries(http):
            break
        await asyncio.sleep(0.02)
    assert not found[0]["complete"]
    assert 3 <= found[0]["output_sent"] < 50


async def test_zero_usage_is_billed_as_zero_but_what_was_sent_is_known(
    http: httpx2.AsyncClient,
) -> None:
    for stream in (False, True):
        await http.post(CHAT, json=body("sim-echo;usage=zero;tokens=9", stream=stream))
    for entry in await entries(http):
        assert set(entry["usage"].values()) == {0}
        assert (entry["output_sent"], entry["reported"]) == (9, "zero")


async def test_usage_that_is_not_told_is_billed_all_the_same(http: httpx2.AsyncClient) -> None:
    await http.post(CHAT, json=body("sim-echo;usage=none;tokens=9"))
    (entry,) = await entries(http)
    assert (entry["usage"]["output"], entry["reported"]) == (9, "none")


async def test_errors_are_counted_but_not_billed(http: httpx2.AsyncClient) -> None:
    for model in ("m;status=500", "m;status=500", "m;status=429", "m;html=502", "m"):
        await http.post(CHAT, json=body(model))
    totals = (await http.get("/sim/ledger/totals")).json()
    assert totals["refused"] == {"500": 2, "429": 1, "502": 1}
    assert totals["requests"] == 1


async def test_totals_are_kept_by_wire_model_and_key(http: httpx2.AsyncClient) -> None:
    await http.post(CHAT, json=body("a"))
    await http.post(CHAT, json=body("a;tokens=10"), headers={"authorization": "Bearer other"})
    await http.post(CLAUDE, json=body("b;tokens=20"))
    totals = (await http.get("/sim/ledger/totals")).json()
    assert totals["usage"]["output"] == 32
    assert totals["complete"] == 3
    groups = {(g["wire"], g["model"], g["key"]): g["usage"]["output"] for g in totals["groups"]}
    assert sorted(groups.values()) == [2, 10, 20]


async def test_reading_goes_on_from_a_sequence_number(http: httpx2.AsyncClient) -> None:
    for _ in range(3):
        await http.post(CHAT, json=body("a"))
    first = await entries(http)
    assert await entries(http, since=first[0]["sequence"]) == first[1:]
    page = (await http.get("/sim/ledger", params={"limit": 2})).json()
    assert (len(page["entries"]), page["more"]) == (2, True)
    assert (await http.get("/sim/ledger", params={"since": "x"})).status_code == 400


async def test_a_cleared_ledger_is_empty_and_counts_on(http: httpx2.AsyncClient) -> None:
    await http.post(CHAT, json=body("a"))
    (before,) = await entries(http)
    assert (await http.delete("/sim/ledger")).status_code == 204
    assert await entries(http) == []
    await http.post(CHAT, json=body("a"))
    (after,) = await entries(http)
    assert after["sequence"] == before["sequence"] + 1


@pytest.mark.parametrize("capacity", [0, 10])
def test_totals_stay_exact_when_entries_are_dropped(capacity: int) -> None:
    ledger = Ledger(capacity)
    for number in range(1000):
        ledger.record(
            Entry(
                wire="w",
                model="m",
                script="",
                key="k",
                request_id=None,
                response_id=str(number),
                streamed=False,
                usage=Usage(input_uncached=1, output=2),
                reported="full",
                complete=True,
                output_sent=2,
            )
        )
    assert ledger.totals()["usage"]["output"] == 2000
    page = ledger.page(since=0, limit=100)
    assert [entry.sequence for entry in page["entries"]] == list(range(1001 - capacity, 1001))
    assert page["oldest"] == 1001 - capacity
    assert page["last"] == 1000


async def test_concurrent_requests_are_all_booked(http: httpx2.AsyncClient) -> None:
    paths = [CHAT, CLAUDE] * 50
    await asyncio.gather(
        *(
            http.post(path, json=body(f"m;tokens={n}", stream=n % 3 == 0))
            for n, path in enumerate(paths, 1)
        )
    )
    totals = (await http.get("/sim/ledger/totals")).json()
    assert totals["requests"] == 100
    assert totals["usage"]["output"] == totals["output_sent"] == sum(range(1, 101))

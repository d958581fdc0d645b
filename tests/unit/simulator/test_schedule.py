import hashlib

import httpx2
import pytest

KEY = "sk-scheduled-0123456789"
CHAT = {"messages": [{"role": "user", "content": "hello"}]}


async def ask(http: httpx2.AsyncClient, model: str = "sim-echo", key: str = KEY) -> int:
    answer = await http.post(
        "/v1/chat/completions",
        json={"model": model, **CHAT},
        headers={"authorization": f"Bearer {key}"},
    )
    return answer.status_code


async def test_queued_scripts_are_used_up_in_order(http: httpx2.AsyncClient) -> None:
    booked = await http.post("/sim/scripts", json={"scripts": ["status=500", "status=503", ""]})
    assert booked.json() == {"queued": 3}
    assert [await ask(http) for _ in range(5)] == [500, 503, 200, 200, 200]


async def test_a_list_can_be_repeated(http: httpx2.AsyncClient) -> None:
    await http.post("/sim/scripts", json={"scripts": ["status=500", ""], "times": 2})
    assert [await ask(http) for _ in range(5)] == [500, 200, 500, 200, 200]


async def test_scripts_wait_for_their_model_whatever_settings_it_carries(
    http: httpx2.AsyncClient,
) -> None:
    await http.post("/sim/scripts", json={"model": "one", "scripts": ["status=500"]})
    assert await ask(http, "two") == 200
    assert await ask(http, "one;tokens=3") == 500


@pytest.mark.parametrize("named_by", ["key", "key_sha256"])
async def test_scripts_wait_for_their_key(http: httpx2.AsyncClient, named_by: str) -> None:
    named = KEY if named_by == "key" else hashlib.sha256(KEY.encode()).hexdigest()[:12]
    await http.post("/sim/scripts", json={named_by: named, "scripts": ["status=500"]})
    assert await ask(http, key="another") == 200
    waiting = (await http.get("/sim/scripts")).json()["bookings"]
    assert waiting[0]["scripts"] == ["status=500"]
    assert KEY not in str(waiting)
    assert await ask(http) == 500
    assert (await http.get("/sim/scripts")).json() == {"bookings": []}


async def test_queued_scripts_can_be_dropped(http: httpx2.AsyncClient) -> None:
    await http.post("/sim/scripts", json={"scripts": ["status=500"]})
    assert (await http.delete("/sim/scripts")).status_code == 204
    assert await ask(http) == 200


@pytest.mark.parametrize(
    "order", [{"scripts": ["colour=red"]}, {"scripts": "x"}, {}, {"scripts": [], "times": 0}]
)
async def test_an_order_that_makes_no_sense_is_refused(
    http: httpx2.AsyncClient, order: object
) -> None:
    answer = await http.post("/sim/scripts", json=order)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]

import httpx2

from tollway_simulator.keys import fingerprint

CHAT = "/v1/chat/completions"


async def last(http: httpx2.AsyncClient, number: int = 1) -> list[dict[str, object]]:
    return list((await http.get("/sim/seen", params={"last": number})).json()["requests"])


async def test_a_request_is_shown_as_it_came(http: httpx2.AsyncClient) -> None:
    sent = {"model": "m", "messages": [{"role": "user", "content": "x"}], "unknown": [1.5, None]}
    await http.post(f"{CHAT}?a=1", json=sent, headers={"x-custom": "yes"})
    (seen,) = await last(http)
    assert (seen["method"], seen["path"], seen["query"]) == ("POST", CHAT, "a=1")
    assert seen["body"] == sent
    assert isinstance(seen["headers"], dict)
    assert seen["headers"]["x-custom"] == "yes"


async def test_credentials_are_shown_as_fingerprints(http: httpx2.AsyncClient) -> None:
    headers = {
        "authorization": "Bearer canary-one",
        "x-api-key": "canary-two",
        "api-key": "canary-three",
        "x-goog-api-key": "canary-four",
        "cookie": "canary-five",
    }
    await http.post(f"{CHAT}?key=canary-six", json={}, headers=headers)
    (seen,) = await last(http)
    assert "canary" not in str(seen)
    assert isinstance(seen["headers"], dict)
    assert seen["headers"]["authorization"] == f"Bearer sha256:{fingerprint('canary-one')}"
    assert seen["headers"]["x-api-key"] == f"sha256:{fingerprint('canary-two')}"
    assert fingerprint("canary-six") in str(seen["query"])


async def test_a_body_that_is_not_json_is_shown_as_text(http: httpx2.AsyncClient) -> None:
    await http.post(CHAT, content=b"\xffnot json")
    (seen,) = await last(http)
    assert seen["body"] == "\ufffdnot json"


async def test_a_huge_body_is_kept_in_part(http: httpx2.AsyncClient) -> None:
    await http.post(CHAT, content=b"x" * 3_000_000)
    (seen,) = await last(http)
    assert len(str(seen["body"])) == 1 << 20


async def test_the_last_requests_come_oldest_first(http: httpx2.AsyncClient) -> None:
    for name in ("a", "b", "c"):
        await http.post(CHAT, json={"model": name})
    assert [seen["body"] for seen in await last(http, 2)] == [{"model": "b"}, {"model": "c"}]
    assert await last(http, 0) == []
    await http.delete("/sim/seen")
    assert await last(http, 9) == []

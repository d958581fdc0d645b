"""A write that is sent twice happens once."""

import asyncio
from typing import Any


async def test_a_repeated_creation_is_answered_alike(admin: Any) -> None:
    first = await admin.post("/models", {"name": "chat"}, idempotency_key="k")
    again = await admin.post("/models", {"name": "chat"}, idempotency_key="k")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    changes = (await admin.get("/changes?resource=model")).json()["items"]
    assert len(changes) == 1


async def test_a_repeated_update_is_answered_alike_although_it_is_stale_by_now(admin: Any) -> None:
    await admin.made("/models", {"name": "chat"})
    send = {"if_match": '"1"', "idempotency_key": "k"}
    first = await admin.patch("/models/chat", {"premium": True}, **send)
    again = await admin.patch("/models/chat", {"premium": True}, **send)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["etag"] == '"2"'
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_repeated_deletion_is_answered_alike(admin: Any) -> None:
    await admin.made("/models", {"name": "chat"})
    first = await admin.delete("/models/chat", idempotency_key="k")
    again = await admin.delete("/models/chat", idempotency_key="k")
    assert (first.status_code, again.status_code) == (204, 204)
    assert again.headers["idempotency-replayed"] == "true"
    assert (await admin.delete("/models/chat")).status_code == 404


async def test_a_repeated_creation_of_a_workspace_is_answered_alike(people: Any) -> None:
    body = {"name": "twice"}
    headers = {**people.root, "idempotency-key": "twice"}
    answers = [
        await people.client.post("/v1/workspaces", json=body, headers=headers) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[1].headers["idempotency-replayed"] == "true"


async def test_a_key_of_another_request_is_refused(admin: Any) -> None:
    await admin.post("/models", {"name": "chat"}, idempotency_key="k")
    for answer in (
        await admin.post("/models", {"name": "other"}, idempotency_key="k"),
        await admin.post("/keys", {"name": "chat"}, idempotency_key="k"),
        await admin.patch("/models/chat", {}, idempotency_key="k"),
        await admin.delete("/models/chat", idempotency_key="k"),
    ):
        assert answer.status_code == 422
        assert "another request" in answer.json()["detail"]


async def test_the_same_key_in_another_workspace_is_another_key(people: Any) -> None:
    for admin in (await people.new_admin(), await people.new_admin()):
        answer = await admin.post("/models", {"name": "chat"}, idempotency_key="k")
        assert "idempotency-replayed" not in answer.headers


async def test_a_refused_write_is_not_remembered(admin: Any) -> None:
    body = {"name": "search", "models": ["chat"]}
    refused = await admin.post("/keys", body, idempotency_key="k")
    assert refused.status_code == 422
    await admin.made("/models", {"name": "chat"})
    accepted = await admin.post("/keys", body, idempotency_key="k")
    assert accepted.status_code == 201
    assert accepted.json()["key"] is not None


async def test_duplicates_at_the_same_time_happen_once(admin: Any) -> None:
    answers = await asyncio.gather(
        *(admin.post("/keys", {"name": "search"}, idempotency_key="k") for _ in range(8))
    )
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.json()["id"] for answer in answers}) == 1
    shown = [answer.json()["key"] for answer in answers if answer.json()["key"] is not None]
    assert len(shown) == 1
    replays = [answer for answer in answers if "idempotency-replayed" in answer.headers]
    assert len(replays) == 7

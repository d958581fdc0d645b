"""Writes at the same time never overwrite each other, nor what they rely on."""

import asyncio
from collections import Counter
from typing import Any


def _statuses(answers: list[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def test_of_two_updates_of_the_same_revision_one_is_stale(admin: Any) -> None:
    await admin.made("/models", {"name": "chat"})
    for revision in range(1, 11):
        answers = await asyncio.gather(
            *(
                admin.patch(
                    "/models/chat", {"display_name": f"{n}-{revision}"}, if_match=f'"{revision}"'
                )
                for n in range(2)
            )
        )
        assert _statuses(answers) == {200: 1, 412: 1}


async def test_unconditional_updates_all_count(admin: Any) -> None:
    await admin.made("/models", {"name": "chat"})
    answers = await asyncio.gather(
        *(admin.patch("/models/chat", {"description": {"en": str(n)}}) for n in range(20))
    )
    assert _statuses(answers) == {200: 20}
    assert sorted(answer.json()["revision"] for answer in answers) == list(range(2, 22))


async def test_a_name_is_given_once(admin: Any) -> None:
    answers = await asyncio.gather(*(admin.post("/models", {"name": "chat"}) for _ in range(10)))
    assert _statuses(answers) == {201: 1, 409: 9}


async def test_a_workspaces_name_is_given_once(people: Any) -> None:
    answers = await asyncio.gather(
        *(
            people.client.post("/v1/workspaces", json={"name": "raced"}, headers=people.root)
            for _ in range(10)
        )
    )
    assert _statuses(answers) == {201: 1, 409: 9}


async def test_fallbacks_set_at_the_same_time_make_no_circle(admin: Any) -> None:
    for name in ("a", "b", "c"):
        await admin.made("/models", {"name": name})
    answers = await asyncio.gather(
        admin.patch("/models/a", {"fallbacks": ["b"]}),
        admin.patch("/models/b", {"fallbacks": ["c"]}),
        admin.patch("/models/c", {"fallbacks": ["a"]}),
    )
    assert _statuses(answers) == {200: 2, 422: 1}


async def test_a_key_never_names_a_model_that_is_deleted_meanwhile(admin: Any) -> None:
    for number in range(10):
        model = f"m{number}"
        await admin.made("/models", {"name": model})
        made, deleted = await asyncio.gather(
            admin.post("/keys", {"name": f"k{number}", "models": [model]}),
            admin.delete(f"/models/{model}"),
        )
        assert (made.status_code, deleted.status_code) in {(201, 409), (422, 204)}


async def test_a_workspace_is_not_deleted_while_something_is_created_in_it(people: Any) -> None:
    for _ in range(10):
        admin = await people.new_admin()
        made, deleted = await asyncio.gather(
            admin.post("/models", {"name": "chat"}), admin.delete()
        )
        assert (made.status_code, deleted.status_code) in {(201, 409), (404, 204)}

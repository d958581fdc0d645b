"""Workspaces themselves."""

from typing import Any

import httpx2


def _as(people: Any, roles: dict[str, list[str]]) -> dict[str, str]:
    return {"authorization": f"Bearer {people.tokens.person(roles)}"}


async def test_nobody_unknown_lists_or_creates_workspaces(people: Any) -> None:
    assert (await people.client.get("/v1/workspaces")).status_code == 401
    assert (await people.client.post("/v1/workspaces", json={"name": "x"})).status_code == 401


async def test_an_admin_of_one_workspace_creates_no_other(people: Any) -> None:
    headers = _as(people, {"acme": ["admin"]})
    answer = await people.client.post("/v1/workspaces", json={"name": "acme"}, headers=headers)
    assert answer.status_code == 403


async def test_a_workspace_lives_from_creation_to_deletion(people: Any) -> None:
    body = {"name": "short-lived", "display_name": "Short", "timezone": "Europe/Berlin"}
    made = await people.client.post("/v1/workspaces", json=body, headers=people.root)
    assert made.status_code == 201
    assert made.headers["location"] == "/v1/workspaces/short-lived"
    assert made.json()["id"] == "short-lived"
    assert made.json()["custom_models"] == "allowed"
    admin = people.of("short-lived", "admin")
    changed = await admin.patch("", {"display_name": None, "custom_models": "barred"})
    assert changed.json().items() >= {"display_name": "", "revision": 2}.items()
    assert (await admin.get()).json() == changed.json()
    assert (await admin.delete()).status_code == 204
    assert (await admin.get()).status_code == 404
    again = await people.client.post("/v1/workspaces", json=body, headers=people.root)
    assert again.json()["revision"] == 1


async def test_a_taken_name_is_refused(people: Any) -> None:
    admin = await people.new_admin()
    answer: httpx2.Response = await people.client.post(
        "/v1/workspaces", json={"name": admin.workspace}, headers=people.root
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")


async def test_the_list_has_what_the_caller_may_see(people: Any) -> None:
    first, second = await people.new_admin(), await people.new_admin()
    roles = {first.workspace: ["auditor"], second.workspace: [], "nowhere": ["admin"]}
    seen = (await people.client.get("/v1/workspaces", headers=_as(people, roles))).json()
    assert [item["name"] for item in seen["items"]] == [first.workspace]
    everything = (await people.client.get("/v1/workspaces?limit=1000", headers=people.root)).json()
    assert {first.workspace, second.workspace} <= {item["name"] for item in everything["items"]}
    nothing = await people.client.get("/v1/workspaces", headers=_as(people, {}))
    assert nothing.json() == {"items": [], "next": None}


async def test_the_list_pages(people: Any) -> None:
    names = [(await people.new_admin()).workspace for _ in range(3)]
    headers = _as(people, {name: ["member"] for name in names})
    page = (await people.client.get("/v1/workspaces?limit=2", headers=headers)).json()
    assert len(page["items"]) == 2
    rest = await people.client.get(f"/v1/workspaces?cursor={page['next']}", headers=headers)
    assert len(rest.json()["items"]) == 1


async def test_a_workspace_with_resources_is_kept(admin: Any) -> None:
    await admin.made("/models", {"name": "chat"})
    answer = await admin.delete()
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert "model chat" in answer.json()["detail"]
    await admin.delete("/models/chat")
    assert (await admin.delete()).status_code == 204


async def test_an_unknown_timezone_is_refused(admin: Any) -> None:
    for timezone in ("Mars/Olympus", "Europe", "../etc/passwd", "", "/etc/localtime"):
        answer = await admin.patch("", {"timezone": timezone})
        assert answer.status_code == 422, timezone


async def test_a_workspace_that_bars_custom_models_takes_native_providers_only(admin: Any) -> None:
    own = {"name": "own", "spec": "anthropic", "base_url": "https://llm.acme.io"}
    await admin.made("/providers", own)
    await admin.patch("", {"custom_models": "barred"})
    refused = await admin.post("/providers", {**own, "name": "own-2"})
    assert (refused.status_code, refused.json()["code"]) == (409, "custom_models_barred")
    await admin.made("/providers", {"name": "vendor", "spec": "anthropic", "origin": "native"})
    switched = await admin.patch(
        "/providers/vendor", {"origin": "custom", "base_url": "http://a.b"}
    )
    assert switched.status_code == 409
    kept = await admin.patch("/providers/own", {"credential": "own-key"})
    assert kept.status_code == 200

"""Every kind of resource can be created, read, listed, changed and deleted."""

from typing import Any

import pytest

CHANGES: dict[str, dict[str, Any]] = {
    "providers": {"credential": "acme-key"},
    "models": {"display_name": "House chat", "capabilities": {"tools": False}},
    "deployments": {"weight": 3},
    "prices": {"note": "as agreed"},
    "keys": {"disabled": True, "cost_centre": "CC-1"},
}
PREFIXES = {
    "providers": "prv",
    "models": "mdl",
    "deployments": "dep",
    "prices": "prc",
    "keys": "key",
}


@pytest.mark.parametrize("segment", PREFIXES)
async def test_a_resource_lives_from_creation_to_deletion(
    admin: Any, bodies: dict[str, Any], segment: str
) -> None:
    await admin.fill(segment)
    path = f"/{segment}/{bodies[segment]['name']}"

    read = await admin.get(path)
    assert read.status_code == 200
    assert read.headers["etag"] == '"1"'
    resource = read.json()
    assert resource["id"].startswith(f"{PREFIXES[segment]}_")
    assert resource["workspace"] == admin.workspace
    assert resource["revision"] == 1
    assert resource["created_at"] == resource["updated_at"]
    assert resource["name"] == bodies[segment]["name"]
    listed = (await admin.get(f"/{segment}")).json()
    assert listed == {"items": [resource], "next": None}

    changed = await admin.patch(path, CHANGES[segment], if_match='"1"')
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == '"2"'
    assert changed.json()["revision"] == 2
    assert changed.json()["id"] == resource["id"]
    assert (await admin.get(path)).json() == changed.json()

    deleted = await admin.delete(path, if_match='"2"')
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await admin.get(path)).status_code == 404


async def test_a_creation_says_where_the_resource_is(admin: Any) -> None:
    answer = await admin.post("/models", {"name": "acme/chat:2"})
    location = answer.headers["location"]
    assert location == f"/v1/workspaces/{admin.workspace}/models/acme%2Fchat%3A2"
    found = await admin.client.get(location, headers={"authorization": f"Bearer {admin.token}"})
    assert found.json() == answer.json()


async def test_a_models_name_with_a_slash_is_found_plain_and_encoded(admin: Any) -> None:
    await admin.made("/models", {"name": "acme/chat"})
    for path in ("/models/acme/chat", "/models/acme%2Fchat", "/models/acme%2fchat"):
        assert (await admin.get(path)).json()["name"] == "acme/chat"
    assert (await admin.delete("/models/acme/chat")).status_code == 204


async def test_a_name_is_taken_once_per_workspace_and_kind(
    admin: Any, people: Any, bodies: dict[str, Any]
) -> None:
    await admin.fill()
    for segment, body in bodies.items():
        answer = await admin.post(f"/{segment}", body)
        assert answer.status_code == 409, segment
        assert answer.json()["code"] == "already_exists"
    other = await people.new_admin()
    await other.fill()


async def test_both_cases_of_a_field_are_read_and_snake_case_is_written(admin: Any) -> None:
    made = await admin.made("/models", {"name": "chat", "displayName": "Chat", "contextWindow": 10})
    assert (made["display_name"], made["context_window"]) == ("Chat", 10)
    changed = await admin.patch("/models/chat", {"displayName": None, "maxOutputTokens": 7})
    assert changed.json()["display_name"] == ""
    assert changed.json()["max_output_tokens"] == 7


async def test_a_field_given_in_both_cases_is_refused(admin: Any) -> None:
    await admin.made("/models", {"name": "house-chat"})
    twice = {"display_name": "a", "displayName": "b"}
    for answer in (
        await admin.post("/models", {"name": "other", **twice}),
        await admin.patch("/models/house-chat", twice),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "displayName"


async def test_a_patch_merges_objects_and_replaces_lists(admin: Any) -> None:
    await admin.made("/models", {"name": "house-chat"})
    await admin.made("/models", {"name": "spare"})
    tagged = {
        "name": "key",
        "models": ["house-chat"],
        "tags": {"team": "search", "costCentre": "1"},
    }
    await admin.made("/keys", tagged)
    patch = {"models": ["spare"], "tags": {"team": None, "stage": "prod"}}
    changed = (await admin.patch("/keys/key", patch)).json()
    assert changed["models"] == ["spare"]
    assert changed["tags"] == {"costCentre": "1", "stage": "prod"}
    reset = (await admin.patch("/keys/key", {"models": None, "tags": None})).json()
    assert (reset["models"], reset["tags"]) == (None, {})


async def test_a_patch_that_changes_nothing_takes_no_revision(
    admin: Any, bodies: dict[str, Any]
) -> None:
    made = await admin.made("/providers", bodies["providers"])
    answer = await admin.patch("/providers/house", {"base_url": bodies["providers"]["base_url"]})
    assert answer.json() == made


async def test_lists_page_by_cursor_in_the_order_of_names(admin: Any) -> None:
    names = [f"m{number:02}" for number in range(7)]
    for name in reversed(names):
        await admin.made("/models", {"name": name})
    seen, cursor = [], ""
    while True:
        page = (await admin.get(f"/models?limit=3{cursor}")).json()
        seen += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == names


async def test_an_empty_list_is_a_list_and_an_unknown_workspace_is_not(people: Any) -> None:
    admin = await people.new_admin()
    assert (await admin.get("/prices")).json() == {"items": [], "next": None}
    nowhere = people.of("nowhere", "admin")
    assert (await nowhere.get("/prices")).status_code == 404
    assert (await nowhere.post("/models", {"name": "house-chat"})).status_code == 404


async def test_a_stale_revision_is_refused(admin: Any) -> None:
    await admin.made("/models", {"name": "house-chat"})
    await admin.patch("/models/house-chat", {"premium": True})
    for answer in (
        await admin.patch("/models/house-chat", {"premium": False}, if_match='"1"'),
        await admin.delete("/models/house-chat", if_match='"1"'),
    ):
        assert answer.status_code == 412
        assert answer.json()["code"] == "stale_revision"
    assert (await admin.get("/models/house-chat")).json()["premium"] is True
    assert (await admin.delete("/models/house-chat", if_match="*")).status_code == 204

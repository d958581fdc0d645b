"""Who changed what, and when."""

from typing import Any


async def test_every_write_is_remembered_with_its_author(people: Any, admin: Any) -> None:
    bob = people.of(admin.workspace, "admin", "bob")
    made = await admin.made("/models", {"name": "chat"})
    changed = (await bob.patch("/models/chat", {"premium": True})).json()
    await bob.patch("/models/chat", {"premium": True})  # changes nothing
    await admin.delete("/models/chat")
    items = (await admin.get("/changes?resource=model&name=chat")).json()["items"]
    assert [(item["actor"], item["revision"]) for item in items] == [
        ("alice", 2),
        ("bob", 2),
        ("alice", 1),
    ]
    deletion, change, creation = items
    assert creation["before"] is None
    assert creation["after"]["premium"] is False
    assert (creation["at"], creation["resource_id"]) == (made["created_at"], made["id"])
    assert change["before"] == creation["after"]
    assert change["after"] == {**creation["after"], "premium": True}
    assert change["at"] == changed["updated_at"]
    assert (deletion["before"], deletion["after"]) == (change["after"], None)


async def test_a_refused_write_is_no_change(admin: Any) -> None:
    await admin.made("/models", {"name": "chat"})
    before = (await admin.get("/changes")).json()
    await admin.post("/models", {"name": "chat"})
    await admin.patch("/models/chat", {"premium": True}, if_match='"7"')
    await admin.patch("/models/chat", {"fallbacks": ["gone"]})
    assert (await admin.get("/changes")).json() == before


async def test_the_history_has_no_key_and_no_digest(people: Any, admin: Any) -> None:
    key = (await admin.made("/keys", {"name": "search"}))["key"]
    text = (await people.of(admin.workspace, "auditor").get("/changes?resource=api_key")).text
    assert '"name":"search"' in text
    assert key not in text
    assert "sha256" not in text


async def test_the_history_pages_from_the_latest(admin: Any) -> None:
    for number in range(5):
        await admin.made("/models", {"name": f"m{number}"})
    first = (await admin.get("/changes?resource=model&limit=3")).json()
    assert [item["name"] for item in first["items"]] == ["m4", "m3", "m2"]
    rest = (await admin.get(f"/changes?resource=model&limit=3&cursor={first['next']}")).json()
    assert [item["name"] for item in rest["items"]] == ["m1", "m0"]
    assert rest["next"] is None


async def test_a_workspace_of_a_reused_name_does_not_see_what_was_before_it(people: Any) -> None:
    body = {"name": "reused"}
    await people.client.post("/v1/workspaces", json=body, headers=people.root)
    admin = people.of("reused", "admin")
    await admin.made("/models", {"name": "secret-plan"})
    await admin.delete("/models/secret-plan")
    await admin.delete()
    assert (await admin.get("/changes")).status_code == 404
    await people.client.post("/v1/workspaces", json=body, headers=people.root)
    items = (await admin.get("/changes")).json()["items"]
    assert [item["resource"] for item in items] == ["workspace"]

"""The record of who did what."""

from typing import Any

from sqlalchemy import create_engine, text


async def entries(api: Any, workspace: str, query: str = "") -> dict[str, Any]:
    auditor = api.tokens.person({workspace: ["auditor"]})
    answer = await api.call("GET", f"{workspace}/audit{query}", auditor)
    assert answer.status_code == 200
    page: dict[str, Any] = answer.json()
    return page


async def test_every_deed_is_recorded_with_who_did_it(api: Any, workspace: str) -> None:
    created = await api.create(workspace)
    admin = api.admin(workspace)
    path = f"{workspace}/credentials/key"
    await api.call("PATCH", path, admin, json={"data": {"api_key": "new"}})
    await api.material(workspace)
    await api.call("POST", f"{workspace}/rewrap", admin, json={"rotate": True})
    await api.call("DELETE", path, admin)
    found = (await entries(api, workspace))["items"]
    assert [
        (item["action"], item["actor"], item["actor_kind"], item["credential"], item["detail"])
        for item in reversed(found)
    ] == [
        ("create", "ada", "person", "key", {"version": 1}),
        ("rotate", "ada", "person", "key", {"version": 2}),
        ("read-material", "tollway-router", "service", "key", {"version": 2}),
        ("rotate-key", "ada", "person", None, {"key_version": 2}),
        ("rewrap", "ada", "person", None, {"key_version": 2, "rewrapped": 1}),
        ("delete", "ada", "person", "key", {"version": 2}),
    ]
    assert {item["outcome"] for item in found} == {"done"}
    assert {item["credential_id"] for item in found if item["credential"]} == {created["id"]}
    assert all(item["workspace"] == workspace for item in found)


async def test_what_did_not_happen_is_not_recorded(api: Any, workspace: str) -> None:
    await api.create(workspace)
    path, admin = f"{workspace}/credentials/key", api.admin(workspace)
    body = {"name": "key", "type": "api-key", "data": {"api_key": "k"}}
    await api.call("POST", f"{workspace}/credentials", admin, json=body)
    await api.call("PATCH", path, admin, json={"data": {"api_key": ""}})
    await api.call("DELETE", path, admin, headers={"if-match": '"9"'})
    assert len((await entries(api, workspace))["items"]) == 1


async def test_the_record_pages_from_the_newest(api: Any, workspace: str) -> None:
    for name in ("a", "b", "c"):
        await api.create(workspace, name)
    first = await entries(api, workspace, "?limit=2")
    assert [item["credential"] for item in first["items"]] == ["c", "b"]
    rest = await entries(api, workspace, f"?limit=2&cursor={first['next']}")
    assert [item["credential"] for item in rest["items"]] == ["a"]
    assert rest["next"] is None


async def test_no_material_leaves_unrecorded(configure: Any, start: Any, workspace: str) -> None:
    settings = configure()
    async with start(settings) as api:
        await api.create(workspace)
        engine = create_engine(str(settings.database_url))
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE audit_entry RENAME TO away"))
        engine.dispose()
        answer = await api.material(workspace)
    assert answer.status_code == 500
    assert "sk-key" not in answer.text

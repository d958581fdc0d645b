"""Creating, reading, rotating and deleting credentials."""

import asyncio
from typing import Any

import pytest


async def test_a_created_credential_is_shown_by_hints_only(api: Any, workspace: str) -> None:
    body = {"name": "openai", "type": "api-key", "data": {"api_key": " sk-0123456789abcdef\n"}}
    answer = await api.call("POST", f"{workspace}/credentials", api.admin(workspace), json=body)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/workspaces/{workspace}/credentials/openai"
    assert answer.headers["etag"] == '"1"'
    shown = answer.json()
    assert shown["hints"] == {"api_key": "…cdef"}
    assert (shown["version"], shown["revision"], shown["type"]) == (1, 1, "api-key")
    assert shown["id"].startswith("cred_")
    read = await api.call("GET", f"{workspace}/credentials/openai", api.admin(workspace))
    assert read.json() == shown
    assert read.headers["etag"] == '"1"'


async def test_every_type_comes_back_to_the_router_as_it_was_stored(
    api: Any, workspace: str, service_account: str
) -> None:
    stored = {
        "plain": ("api-key", {"api_key": "sk-é".replace("é", "e")}),
        "pair": ("aws", {"access_key_id": "AKIA1", "secret_access_key": "s"}),
        "session": (
            "aws",
            {"access_key_id": "AKIA1", "secret_access_key": "s", "session_token": "t"},
        ),
        "bearer": ("aws", {"bearer_token": "b"}),
        "robot": ("google-service-account", {"service_account_json": service_account}),
    }
    for name, (kind, data) in stored.items():
        await api.create(workspace, name, type=kind, data=data)
    for name, (kind, data) in stored.items():
        answer = await api.material(workspace, name)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["type"] == kind
        assert answer.json()["data"] == data


async def test_a_name_is_free_once_in_a_workspace(api: Any, workspace: str) -> None:
    await api.create(workspace)
    body = {"name": "key", "type": "api-key", "data": {"api_key": "k"}}
    again = await api.call("POST", f"{workspace}/credentials", api.admin(workspace), json=body)
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    await api.create(f"{workspace}-other")


async def test_one_of_many_that_create_the_same_name_at_once_succeeds(
    api: Any, workspace: str
) -> None:
    body = {"name": "key", "type": "api-key", "data": {"api_key": "k"}}
    path, token = f"{workspace}/credentials", api.admin(workspace)
    answers = await asyncio.gather(*(api.call("POST", path, token, json=body) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Key", "type": "api-key", "data": {"api_key": "k"}}, "name"),
        ({"name": "k\x00", "type": "api-key", "data": {"api_key": "k"}}, "name"),
        ({"name": "k", "type": "other", "data": {"api_key": "k"}}, "type"),
        ({"name": "k", "type": "api-key", "data": {}}, "data.api_key"),
        ({"name": "k", "type": "api-key", "data": {"api_key": "a\x00b"}}, "data.api_key"),
        ({"name": "k", "type": "api-key", "data": {"api_key": 7}}, "data.api_key"),
        ({"name": "k", "type": "api-key", "data": {"key": "k"}}, "data.key"),
        ({"name": "k", "type": "api-key", "data": "k"}, "data"),
        ({"name": "k", "type": "api-key", "data": {"api_key": "k"}, "more": 1}, "more"),
        ({"name": "k", "data": {"api_key": "k"}}, "type"),
    ],
)
async def test_what_does_not_fit_is_refused_by_the_field_s_name(
    api: Any, workspace: str, body: dict[str, Any], field: str
) -> None:
    answer = await api.call("POST", f"{workspace}/credentials", api.admin(workspace), json=body)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]


async def test_a_lone_surrogate_is_refused(api: Any, workspace: str) -> None:
    for text in (
        r'{"name": "k", "type": "api-key", "data": {"api_key": "\ud800"}}',
        r'{"name": "k", "type": "api-key", "data": {"\ud800": "k"}}',
        r'{"name": "\ud800", "type": "api-key", "data": {"api_key": "k"}}',
    ):
        answer = await api.call(
            "POST",
            f"{workspace}/credentials",
            api.admin(workspace),
            content=text,
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    "path", ["{ws}/credentials/a%00b", "{ws}/credentials/A", "A b/credentials"]
)
async def test_names_in_addresses_are_checked(api: Any, workspace: str, path: str) -> None:
    token = api.tokens.person({"*": ["admin"]})
    answer = await api.call("GET", path.format(ws=workspace), token)
    assert answer.status_code == 422


async def test_a_body_larger_than_any_key_file_is_refused(api: Any, workspace: str) -> None:
    body = {"name": "k", "type": "api-key", "data": {"api_key": "k" * 2_000_000}}
    answer = await api.call("POST", f"{workspace}/credentials", api.admin(workspace), json=body)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_is_not_there_is_not_found(api: Any, workspace: str) -> None:
    admin = api.admin(workspace)
    for method, options in (("GET", {}), ("PATCH", {"json": {"data": {}}}), ("DELETE", {})):
        answer = await api.call(method, f"{workspace}/credentials/nothing", admin, **options)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await api.material(workspace, "nothing")).status_code == 404


async def test_a_credential_of_another_workspace_is_not_found(api: Any, workspace: str) -> None:
    await api.create(workspace)
    both = api.tokens.person({workspace: ["admin"], f"{workspace}-b": ["admin"]})
    answer = await api.call("GET", f"{workspace}-b/credentials/key", both)
    assert answer.status_code == 404
    assert (await api.material(f"{workspace}-b")).status_code == 404


async def test_the_list_pages_by_name(api: Any, workspace: str) -> None:
    for name in ("c", "a", "b"):
        await api.create(workspace, name)
    token = api.admin(workspace)
    first = (await api.call("GET", f"{workspace}/credentials?limit=2", token)).json()
    assert [item["name"] for item in first["items"]] == ["a", "b"]
    rest = await api.call("GET", f"{workspace}/credentials?cursor={first['next']}", token)
    assert [item["name"] for item in rest.json()["items"]] == ["c"]
    assert rest.json()["next"] is None


@pytest.mark.parametrize("cursor", ["x", "", "WzFd", "%00", "W10", "WyJcdTAwMDAiXQ"])
async def test_a_cursor_from_elsewhere_is_refused(api: Any, workspace: str, cursor: str) -> None:
    for noun in ("credentials", "audit"):
        answer = await api.call("GET", f"{workspace}/{noun}?cursor={cursor}", api.admin(workspace))
        assert answer.status_code == 422, answer.text


async def patch(api: Any, workspace: str, data: dict[str, Any], **headers: str) -> Any:
    return await api.call(
        "PATCH",
        f"{workspace}/credentials/key",
        api.admin(workspace),
        json={"data": data},
        headers=headers,
    )


async def test_a_rotation_counts_version_and_revision_up(api: Any, workspace: str) -> None:
    created = await api.create(workspace)
    rotated = await patch(api, workspace, {"api_key": "new-0123456789-last"})
    assert rotated.status_code == 200
    assert rotated.headers["etag"] == '"2"'
    shown = rotated.json()
    assert (shown["version"], shown["revision"], shown["id"]) == (2, 2, created["id"])
    assert shown["hints"] == {"api_key": "…last"}
    assert shown["updated_at"] > shown["created_at"]
    material = (await api.material(workspace)).json()
    assert (material["version"], material["data"]) == (2, {"api_key": "new-0123456789-last"})


async def test_a_rotation_keeps_missing_and_empty_fields(api: Any, workspace: str) -> None:
    old = {"access_key_id": "AKIA1", "secret_access_key": "old", "session_token": "t"}
    await api.create(workspace, type="aws", data=old)
    await patch(api, workspace, {"access_key_id": "", "secret_access_key": "new"})
    material = (await api.material(workspace)).json()
    assert material["data"] == {**old, "secret_access_key": "new"}
    await patch(api, workspace, {"session_token": None})
    material = (await api.material(workspace)).json()
    assert material["data"] == {"access_key_id": "AKIA1", "secret_access_key": "new"}
    await patch(api, workspace, {"bearerToken": "b"})
    assert (await api.material(workspace)).json()["data"] == {"bearer_token": "b"}


async def test_a_rotation_to_nothing_is_none(api: Any, workspace: str) -> None:
    created = await api.create(workspace)
    for data in ({}, {"api_key": ""}):
        answer = await patch(api, workspace, data)
        assert (answer.status_code, answer.json()) == (200, created)


async def test_a_rotation_refuses_what_the_type_does_not_have(api: Any, workspace: str) -> None:
    await api.create(workspace)
    for data, field in (
        ({"bearer_token": "x"}, "data.bearer_token"),
        ({"api_key": None}, "data.api_key"),
        ({"api_key": "a\nb"}, "data.api_key"),
    ):
        answer = await patch(api, workspace, data)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    answer = await api.call(
        "PATCH",
        f"{workspace}/credentials/key",
        api.admin(workspace),
        json={"type": "aws", "data": {}},
    )
    assert answer.status_code == 422
    assert (await api.material(workspace)).json()["version"] == 1


async def test_a_change_that_builds_on_an_old_state_is_refused(api: Any, workspace: str) -> None:
    await api.create(workspace)
    first = await patch(api, workspace, {"api_key": "a"}, **{"if-match": '"1"'})
    stale = await patch(api, workspace, {"api_key": "b"}, **{"if-match": '"1"'})
    assert (first.status_code, stale.status_code) == (200, 412)
    assert stale.json()["code"] == "stale_revision"
    path, token = f"{workspace}/credentials/key", api.admin(workspace)
    stale = await api.call("DELETE", path, token, headers={"if-match": '"1"'})
    assert stale.status_code == 412
    gone = await api.call("DELETE", path, token, headers={"if-match": '"2"'})
    assert gone.status_code == 204


async def test_rotations_at_once_are_each_counted(api: Any, workspace: str) -> None:
    await api.create(workspace)
    answers = await asyncio.gather(
        *(patch(api, workspace, {"api_key": f"key-{number}"}) for number in range(12))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["version"] for answer in answers) == list(range(2, 14))
    material = (await api.material(workspace)).json()
    last = max(range(12), key=lambda number: answers[number].json()["version"])
    assert material["data"] == {"api_key": f"key-{last}"}


async def test_one_of_many_that_build_on_the_same_state_succeeds(api: Any, workspace: str) -> None:
    await api.create(workspace)
    answers = await asyncio.gather(
        *(patch(api, workspace, {"api_key": f"k{n}"}, **{"if-match": '"1"'}) for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


async def test_a_deleted_credential_is_gone_and_its_name_free(api: Any, workspace: str) -> None:
    created = await api.create(workspace)
    path, token = f"{workspace}/credentials/key", api.admin(workspace)
    assert (await api.call("DELETE", path, token)).status_code == 204
    assert (await api.call("GET", path, token)).status_code == 404
    assert (await api.material(workspace)).status_code == 404
    assert (await api.create(workspace))["id"] != created["id"]


async def test_a_write_that_is_sent_twice_happens_once(api: Any, workspace: str) -> None:
    path, token = f"{workspace}/credentials", api.admin(workspace)
    body = {"name": "key", "type": "api-key", "data": {"api_key": "k"}}

    async def send(method: str, where: str, key: str, **options: Any) -> Any:
        headers = {"idempotency-key": key, **options.pop("headers", {})}
        return await api.call(method, where, token, headers=headers, **options)

    created = await asyncio.gather(*(send("POST", path, "create", json=body) for _ in range(4)))
    assert {answer.status_code for answer in created} == {201}
    assert len({answer.text for answer in created}) == 1
    other = await send("POST", path, "create", json={**body, "data": {"api_key": "other"}})
    assert other.status_code == 422

    change = {"json": {"data": {"api_key": "new"}}, "headers": {"if-match": '"1"'}}
    rotated = [await send("PATCH", f"{path}/key", "rotate", **change) for _ in range(2)]
    assert [answer.status_code for answer in rotated] == [200, 200]
    assert {answer.json()["version"] for answer in rotated} == {2}

    deleted = [await send("DELETE", f"{path}/key", "delete") for _ in range(2)]
    assert [answer.status_code for answer in deleted] == [204, 204]


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_an_idempotency_key_has_a_length(api: Any, workspace: str, key: str) -> None:
    answer = await api.call(
        "DELETE",
        f"{workspace}/credentials/key",
        api.admin(workspace),
        headers={"idempotency-key": key},
    )
    assert answer.status_code == 422


async def test_no_refusal_repeats_what_was_sent(api: Any, workspace: str) -> None:
    canary = "CANARY-5d41402abc4b2a76"
    wrong: list[Any] = [
        {"name": "k", "type": "api-key", "data": {"api_key": f"{canary}\n{canary}"}},
        {"name": "k", "type": "api-key", "data": canary},
        {"name": "k", "type": canary, "data": {"api_key": canary}},
        {"name": canary, "type": "api-key", "data": {"api_key": canary}},
        {"name": "k", "type": "api-key", "data": {"api_key": [canary]}},
        {"name": "k", "type": "api-key", "data": {"api_key": {canary: canary}}},
        {"name": "k", "type": "aws", "data": {"access_key_id": canary}},
        {"name": "k", "type": "google-service-account", "data": {"service_account_json": canary}},
        canary,
        [canary],
    ]
    path, token = f"{workspace}/credentials", api.admin(workspace)
    for body in wrong:
        answer = await api.call("POST", path, token, json=body)
        assert answer.status_code == 422
        assert canary not in answer.text
    broken = await api.call(
        "POST",
        path,
        token,
        content=f'{{"data": {{"api_key": "{canary}" "',
        headers={"content-type": "application/json"},
    )
    assert broken.status_code == 422
    assert canary not in broken.text

"""Who may do what: nobody unknown, nobody from elsewhere, readers read and admins write."""

from typing import Any

import pytest

SEGMENTS = ("providers", "models", "deployments", "prices", "keys")
READ_ONLY = ("member", "finance", "auditor")


def _operations() -> list[tuple[str, str]]:
    in_workspaces = [
        operation
        for segment in SEGMENTS
        for operation in (
            ("GET", f"/{segment}"),
            ("POST", f"/{segment}"),
            ("GET", f"/{segment}/some"),
            ("PATCH", f"/{segment}/some"),
            ("DELETE", f"/{segment}/some"),
        )
    ]
    own = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/changes")]
    return [*own, *in_workspaces]


@pytest.mark.parametrize(("method", "path"), _operations())
async def test_an_anonymous_caller_is_refused(people: Any, method: str, path: str) -> None:
    for body in (None, b"not json", {"name": "x"}):
        answer = await people.anyone("acme", None).send(method, path, body)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), _operations())
async def test_another_workspaces_admin_is_refused_alike_whether_it_exists_or_not(
    people: Any, admin: Any, method: str, path: str
) -> None:
    token = people.tokens.person({"elsewhere": ["admin"]})
    existing = await people.anyone(admin.workspace, token).send(method, path, {})
    missing = await people.anyone("does-not-exist", token).send(method, path, {})
    assert existing.status_code == missing.status_code == 403
    assert existing.content == missing.content


@pytest.mark.parametrize("role", READ_ONLY)
@pytest.mark.parametrize(("method", "path"), _operations())
async def test_only_admins_write(
    people: Any, admin: Any, role: str, method: str, path: str
) -> None:
    answer = await people.of(admin.workspace, role).send(method, path, {})
    reads = method == "GET" and (path != "/changes" or role == "auditor")
    assert (answer.status_code == 403) is not reads


async def test_a_resource_of_another_workspace_is_not_found(people: Any) -> None:
    first, second = await people.new_admin(), await people.new_admin()
    await first.fill()
    for segment in SEGMENTS:
        name = (await first.get(f"/{segment}")).json()["items"][0]["name"]
        assert (await second.get(f"/{segment}")).json()["items"] == []
        for method in ("GET", "PATCH", "DELETE"):
            answer = await second.send(method, f"/{segment}/{name}", {})
            assert answer.status_code == 404
    assert {item["actor"] for item in (await second.get("/changes")).json()["items"]} == {"root"}


async def test_references_do_not_reach_into_another_workspace(
    people: Any, bodies: dict[str, Any]
) -> None:
    first, second = await people.new_admin(), await people.new_admin()
    await first.fill()
    for segment in ("deployments", "prices", "keys"):
        answer = await second.post(f"/{segment}", bodies[segment])
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_reference")


@pytest.mark.parametrize(
    "overrides",
    [
        {"aud": "tollway-registry"},
        {"iss": "test-services"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
    ],
)
async def test_a_token_that_does_not_hold_is_refused(
    people: Any, admin: Any, overrides: dict[str, Any]
) -> None:
    token = people.tokens.person({"*": ["admin"]}, **overrides)
    assert (await people.anyone(admin.workspace, token).get("/models")).status_code == 401


@pytest.mark.parametrize(
    "roles", ["admin", ["admin"], {"*": "admin"}, {"*": [["admin"], {}]}, None]
)
async def test_a_roles_claim_of_another_shape_grants_nothing(
    people: Any, admin: Any, roles: Any
) -> None:
    token = people.tokens.person({}, tollway_roles=roles)
    assert (await people.anyone(admin.workspace, token).get("/models")).status_code == 403

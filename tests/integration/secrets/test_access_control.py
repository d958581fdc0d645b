"""Who may call what: nobody, people of elsewhere, people without the role, services."""

from typing import Any

import httpx2
import pytest

READS = [
    ("GET", "{ws}/credentials"),
    ("GET", "{ws}/credentials/key"),
    ("GET", "{ws}/audit"),
]
WRITES = [
    ("POST", "{ws}/credentials"),
    ("PATCH", "{ws}/credentials/key"),
    ("DELETE", "{ws}/credentials/key"),
    ("POST", "{ws}/rewrap"),
]
MATERIAL = ("POST", "{ws}/credentials/key/material")
EVERY = [*READS, *WRITES, MATERIAL]


async def ask(
    api: Any, method: str, path: str, workspace: str, token: str | None
) -> httpx2.Response:
    body: dict[str, Any] = {"POST": {"name": "key", "type": "api-key", "data": {"api_key": "k"}}}
    options = {"json": body["POST"]} if path.endswith("credentials") and method == "POST" else {}
    if method == "PATCH":
        options = {"json": {"data": {"api_key": "k"}}}
    answer: httpx2.Response = await api.call(method, path.format(ws=workspace), token, **options)
    return answer


def assert_problem(answer: httpx2.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code


@pytest.mark.parametrize(("method", "path"), EVERY)
async def test_nobody_gets_in_without_a_token(
    api: Any, workspace: str, method: str, path: str
) -> None:
    answer = await ask(api, method, path, workspace, None)
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), [*READS, *WRITES])
async def test_another_workspace_s_admin_is_refused_in_the_same_words_whether_it_exists_or_not(
    api: Any, workspace: str, method: str, path: str
) -> None:
    await api.create(workspace)
    stranger = api.tokens.person({"elsewhere": ["admin", "auditor"]})
    there = await ask(api, method, path, workspace, stranger)
    absent = await ask(api, method, path, "no-such-workspace", stranger)
    assert_problem(there, 403, "forbidden")
    assert there.json() == absent.json()


@pytest.mark.parametrize(
    ("method", "path", "roles", "allowed"),
    [
        *[(*call, ["auditor"], True) for call in READS],
        *[(*call, ["member", "finance"], False) for call in READS],
        *[(*call, ["auditor", "member", "finance"], False) for call in WRITES],
    ],
)
async def test_auditors_read_and_admins_write(
    api: Any, workspace: str, method: str, path: str, roles: list[str], allowed: bool
) -> None:
    await api.create(workspace)
    answer = await ask(api, method, path, workspace, api.tokens.person({workspace: roles}))
    assert answer.status_code == (200 if allowed else 403)


async def test_an_admin_of_every_workspace_may_write_anywhere(api: Any, workspace: str) -> None:
    token = api.tokens.person({"*": ["admin"]})
    answer = await ask(api, "POST", "{ws}/credentials", workspace, token)
    assert answer.status_code == 201


async def test_material_is_for_the_router_alone(api: Any, workspace: str) -> None:
    await api.create(workspace)
    tokens = api.tokens
    refused = {
        "a person, an admin of everything": tokens.person({"*": ["admin"]}),
        "a person named as the router": tokens.person({"*": ["admin"]}, sub="tollway-router"),
        "a person with the service's audience": tokens.person(
            {"*": ["admin"]}, sub="tollway-router", aud="tollway-secrets"
        ),
        "the router, meant for another service": tokens.service(
            "tollway-router", "tollway-registry"
        ),
        "the router, meant for nobody": tokens.service("tollway-router", "x", aud=None),
        "another service": tokens.service("tollway-metering", "tollway-secrets"),
        "the router, expired": tokens.service("tollway-router", "tollway-secrets", exp=1),
        "the router, without an end": tokens.service("tollway-router", "tollway-secrets", exp=None),
        "the router, of another issuer": tokens.service(
            "tollway-router", "tollway-secrets", iss="somebody"
        ),
        "nonsense": "a.b.c",
    }
    for who, token in refused.items():
        answer = await ask(api, *MATERIAL, workspace, token)
        assert answer.status_code in (401, 403), who
        assert "sk-" not in answer.text
    assert (await ask(api, *MATERIAL, workspace, api.router())).status_code == 200


async def test_the_router_may_do_nothing_else(api: Any, workspace: str) -> None:
    for method, path in [*READS, *WRITES]:
        answer = await ask(api, method, path, workspace, api.router())
        assert_problem(answer, 401, "unauthenticated")

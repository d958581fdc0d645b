"""Whatever is sent, the answer is a problem document that says what is wrong with it."""

import json
from typing import Any

import pytest

PROVIDER = {"name": "p", "spec": "anthropic", "base_url": "https://llm.acme.io"}


def _problem(answer: Any, status: int = 422) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    return problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"name": NaN}',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"a":' * 5000,
        b'{"name": "\\ud800"}',
        b'{"\\ud800": 1}',
        b"9" * 5000,
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(admin: Any, body: bytes) -> None:
    for method, path in (("POST", "/models"), ("PATCH", "/models/some"), ("PATCH", "")):
        assert _problem(await admin.send(method, path, body))["code"] == "invalid"


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"options": {"a": {"b": ["\0"]}}}, "U+0000"),
        ({"options": {"\0": 1}}, "U+0000"),
        ({"headers": {"x-a": "\0"}}, "U+0000"),
        ({"options": {"n": 2**63}}, "64 bits"),
        ({"options": {"n": -(2**70)}}, "64 bits"),
    ],
)
async def test_what_cannot_be_stored_is_refused(
    admin: Any, patch: dict[str, Any], words: str
) -> None:
    await admin.made("/providers", PROVIDER)
    assert words in _problem(await admin.post("/providers", {**PROVIDER, **patch}))["detail"]
    assert words in _problem(await admin.patch("/providers/p", patch))["detail"]


async def test_a_number_without_end_is_refused(admin: Any) -> None:
    body = b'{"name": "p", "spec": "azure", "options": {"n": 1e999}}'
    assert "too large" in _problem(await admin.post("/providers", body))["detail"]


async def test_unknown_fields_are_refused_by_name(admin: Any) -> None:
    await admin.made("/models", {"name": "m"})
    for answer in (
        await admin.post("/models", {"name": "n", "colour": "red"}),
        await admin.patch("/models/m", {"colour": "red"}),
        await admin.patch("/models/m", {"colour": None}),
    ):
        assert _problem(answer)["errors"][0]["field"] == "colour"
    nested = await admin.patch("/models/m", {"capabilities": {"colour": None}})
    assert _problem(nested)["errors"][0]["field"] == "capabilities.colour"


@pytest.mark.parametrize("field", ["id", "workspace", "revision", "created_at", "resource", "hint"])
async def test_what_the_registry_decides_cannot_be_written(admin: Any, field: str) -> None:
    await admin.made("/models", {"name": "m"})
    assert _problem(await admin.patch("/models/m", {field: "x"}))["errors"][0]["field"] == field


async def test_a_name_never_changes(admin: Any) -> None:
    await admin.made("/models", {"name": "m"})
    assert "never changes" in _problem(await admin.patch("/models/m", {"name": "n"}))["detail"]
    assert "never changes" in _problem(await admin.patch("", {"name": "n"}))["detail"]


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a b", "a/b", "ä", "a" * 64, "a\n", 7, None])
async def test_a_name_has_a_shape(admin: Any, name: Any) -> None:
    answer = await admin.post("/providers", {**PROVIDER, "name": name})
    assert _problem(answer)["errors"][0]["field"] == "name"


@pytest.mark.parametrize("name", ["", "/a", "a b", "ä", "a" * 129, "a\n"])
async def test_a_models_name_has_a_shape(admin: Any, name: str) -> None:
    assert _problem(await admin.post("/models", {"name": name}))["errors"][0]["field"] == "name"


@pytest.mark.parametrize(
    "path", ["/providers/A", "/providers/a%00", "/models/%00", "/models/a%20b"]
)
async def test_a_path_has_a_shape(admin: Any, path: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        _problem(await admin.send(method, path, {}))


async def test_a_workspaces_path_has_a_shape(people: Any) -> None:
    token = people.tokens.person({"*": ["admin"]})
    for workspace in ("%00", "A", "a%20b"):
        _problem(await people.anyone(workspace, token).get("/models"))


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "cursor=x",
        "cursor=%00",
        "cursor=WyJhIiwiYiJd",  # ["a","b"]
        "cursor=WyJcdTAwMDAiXQ",  # ["\u0000"]
        "cursor=WyJcdWQ4MDAiXQ",  # ["\ud800"]
        "cursor=" + "W1tb" * 128,
        "cursor=" + "W1tb" * 4000,
    ],
)
async def test_a_page_that_does_not_exist_is_refused(admin: Any, query: str) -> None:
    for path in ("/models", "/changes"):
        _problem(await admin.get(f"{path}?{query}"))


@pytest.mark.parametrize("query", ["cursor=WyJ4Il0", "resource=x", "name=%00", "name=a%20b"])
async def test_changes_are_not_found_by_nonsense(admin: Any, query: str) -> None:
    _problem(await admin.get(f"/changes?{query}"))


@pytest.mark.parametrize("tag", ["x", '"x"', "9" * 5000, '"1", "2"', ""])
async def test_an_etag_that_none_has_given_out_is_refused(admin: Any, tag: str) -> None:
    await admin.made("/models", {"name": "m"})
    _problem(await admin.patch("/models/m", {}, if_match=tag))
    _problem(await admin.delete("/models/m", if_match=tag))


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "\x7f"])
async def test_an_idempotency_key_has_a_shape(admin: Any, key: str) -> None:
    _problem(await admin.post("/models", {"name": "m"}, idempotency_key=key))


async def test_types_are_not_guessed(admin: Any) -> None:
    for body in (
        {"premium": "true"},
        {"premium": 1},
        {"context_window": "5"},
        {"context_window": 5.5},
        {"context_window": 0},
        {"display_name": 5},
        {"fallbacks": "chat"},
        {"region": "Mars"},
        {"description": {"fr": "non"}},
        {"description": {"en": "x" * 151}},
    ):
        _problem(await admin.post("/models", {"name": "m", **body}))


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-01",
        "2026-01-01T00:00:00",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "soon",
        1767225600,
        None,
    ],
)
async def test_a_price_needs_a_moment_with_an_offset(
    admin: Any, bodies: dict[str, Any], moment: Any
) -> None:
    await admin.fill("models")
    answer = await admin.post("/prices", {**bodies["prices"], "valid_from": moment})
    assert _problem(answer)["errors"][0]["field"] == "valid_from"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_the_first_and_the_last_moment_are_storable(
    admin: Any, bodies: dict[str, Any], moment: str
) -> None:
    await admin.fill("models")
    made = await admin.made("/prices", {**bodies["prices"], "valid_from": moment})
    assert made["valid_from"] == moment


@pytest.mark.parametrize(
    "address",
    [
        "llm.acme.io",
        "ftp://llm.acme.io",
        "https://",
        "https://user:secret@llm.acme.io",
        "https://llm.acme.io?key=secret",
        "https://llm.acme.io:99999",
        "https://llm.acme.io:x",
        "https://llm.ac me.io",
        "https://llm.ac\nme.io",
        "https://[::1",
        None,
    ],
)
async def test_a_custom_provider_needs_an_address_that_is_one(
    admin: Any, address: str | None
) -> None:
    problem = _problem(await admin.post("/providers", {**PROVIDER, "base_url": address}))
    assert "base_url" in problem["detail"]
    assert "secret" not in problem["detail"]


async def test_a_native_provider_needs_no_address(admin: Any) -> None:
    native = {"name": "vendor", "spec": "anthropic", "origin": "native"}
    assert (await admin.made("/providers", native))["base_url"] is None
    orphaned = await admin.patch("/providers/vendor", {"origin": "custom"})
    assert "base_url" in _problem(orphaned)["detail"]


async def test_a_key_in_a_header_is_refused_with_a_hint(admin: Any) -> None:
    body = {**PROVIDER, "headers": {"X-Api-Key": "sk-very-secret"}}
    problem = _problem(await admin.post("/providers", body))
    assert "credential" in problem["detail"]
    assert "sk-very-secret" not in json.dumps(problem)


async def test_a_body_that_is_too_large_is_refused(admin: Any) -> None:
    body = {**PROVIDER, "options": {"text": "x" * 300_000}}
    assert _problem(await admin.post("/providers", body), 413)["code"] == "too_large"


async def test_a_resource_does_not_grow_too_large_by_patches(admin: Any) -> None:
    await admin.made("/providers", PROVIDER)
    part = "x" * 200_000
    assert (await admin.patch("/providers/p", {"options": {"a": part}})).status_code == 200
    assert (
        "bytes at most"
        in _problem(await admin.patch("/providers/p", {"options": {"b": part}}))["detail"]
    )


async def test_what_does_not_exist_is_a_problem_document_too(admin: Any) -> None:
    _problem(await admin.get("/models/none"), 404)
    _problem(await admin.get("/nothing"), 404)
    _problem(await admin.send("PUT", "/models/none", {}), 405)

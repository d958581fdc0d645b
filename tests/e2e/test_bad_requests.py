"""What clients send wrong: the right status, in the error shape of the client's own SDK."""

import anthropic
import httpx2
import openai
import pytest

ASK = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
async def place(new_workspace):
    """A workspace with a model and a key, and another workspace with a model of its own."""
    workspace = await new_workspace("bad-requests")
    await workspace.model("chat", "openai")
    await workspace.model("claude", "anthropic")
    await workspace.create("models", "resting", state="maintenance")
    key = await workspace.key()
    await workspace.routed(key, "chat", "claude")
    return workspace, key


@pytest.fixture(scope="module")
async def stranger(new_workspace):
    other = await new_workspace("stranger")
    await other.model("theirs", "openai")
    key = await other.key()
    await other.routed(key, "theirs")
    return key


def openai_at(place, key: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=f"{place[0].addresses.router}/v1", api_key=key, max_retries=0
    )


def anthropic_at(place, key: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=place[0].addresses.router, api_key=key, max_retries=0)


async def ask_openai(place, key, model="chat", **fields):
    async with openai_at(place, key) as client:
        return await client.chat.completions.create(model=model, messages=ASK, **fields)


async def ask_anthropic(place, key, model="claude", **fields):
    async with anthropic_at(place, key) as client:
        return await client.messages.create(model=model, messages=ASK, max_tokens=100, **fields)


@pytest.mark.parametrize("key", ["tw_wrong", "sk-something-else"])
async def test_a_wrong_key_is_an_authentication_error(place, key):
    with pytest.raises(openai.AuthenticationError) as refused:
        await ask_openai(place, key)
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(anthropic.AuthenticationError) as refused:
        await ask_anthropic(place, key)
    assert refused.value.body["error"]["type"] == "authentication_error"


async def test_no_key_is_an_authentication_error(place):
    async with httpx2.AsyncClient() as client:
        answer = await client.post(
            f"{place[0].addresses.router}/v1/chat/completions", json={"model": "chat"}
        )
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "missing_api_key"
    assert answer.headers["x-tollway-request-id"].startswith("req_")


async def test_an_expired_key_says_so(place):
    workspace, _ = place
    await workspace.model("any", "openai")
    key = await workspace.key("expiring", expires_at="2020-01-01T00:00:00Z")
    fresh = await workspace.key("watcher")
    await workspace.routed(fresh, "any")
    with pytest.raises(openai.AuthenticationError, match="expired at 2020-01-01"):
        await ask_openai(place, key)


async def test_a_model_of_another_workspace_does_not_exist(place, stranger):
    with pytest.raises(openai.NotFoundError) as refused:
        await ask_openai(place, stranger)
    assert refused.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError):
        await ask_anthropic(place, stranger)


async def test_an_unknown_model_is_not_found_and_named(place):
    with pytest.raises(openai.NotFoundError, match="'gpt-nope' does not exist"):
        await ask_openai(place, place[1], model="gpt-nope")
    with pytest.raises(anthropic.NotFoundError, match="'claude-nope' does not exist"):
        await ask_anthropic(place, place[1], model="claude-nope")


async def test_a_model_in_maintenance_is_unavailable(place):
    with pytest.raises(openai.InternalServerError) as refused:
        await ask_openai(place, place[1], model="resting")
    assert refused.value.status_code == 503
    with pytest.raises(anthropic.InternalServerError) as refused:
        await ask_anthropic(place, place[1], model="resting")
    assert refused.value.status_code == 503


async def test_a_key_for_some_models_gets_no_other(place):
    workspace, _ = place
    key = await workspace.key("narrow", models=["chat"])
    await workspace.routed(key, "chat")
    assert (await ask_openai(place, key)).choices
    with pytest.raises(anthropic.NotFoundError):
        await ask_anthropic(place, key)


async def post(place, path: str, body: bytes, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=60) as client:
        return await client.post(
            place[0].addresses.router + path,
            content=body,
            headers={"authorization": f"Bearer {place[1]}", **headers},
        )


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"messages": []}',
        b'{"model": 7}',
        b'{"model": null}',
        b'{"model": "chat", "stream": "yes"}',
        b'{"model": "\xed\xa0\x80"}',
        b"[" * 100_000,
        b'{"model": "chat", "messages": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
async def test_a_body_that_makes_no_sense_is_400_in_the_surface_s_own_shape(place, path, body):
    answer = await post(place, path, body)
    assert answer.status_code in {400, 404, 422}, answer.text
    error = answer.json()["error"]
    assert error["message"]
    assert error["type"] == "invalid_request_error" or answer.status_code == 404


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_a_body_of_100_mb_is_413_and_harms_nobody(place, path):
    answer = await post(place, path, b'{"model": "chat", "x": "' + b"a" * 100_000_000 + b'"}')
    assert answer.status_code == 413
    assert "larger than" in answer.json()["error"]["message"]
    assert (await ask_openai(place, place[1])).choices


async def test_a_field_that_the_upstream_s_format_lacks_is_named(place):
    with pytest.raises(openai.BadRequestError) as refused:
        await ask_openai(place, place[1], model="claude", n=2)
    assert refused.value.param == "n"


async def test_a_field_is_dropped_where_the_deployment_says_so_and_named_in_a_header(place):
    workspace, key = place
    await workspace.create("models", "lenient")
    await workspace.create(
        "deployments",
        "lenient-a",
        model="lenient",
        provider="anthropic",
        upstream_model="sim-echo",
        on_unsupported="drop",
    )
    await workspace.routed(key, "lenient")
    async with openai_at(place, key) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="lenient", messages=ASK, seed=7
        )
    assert raw.headers["x-tollway-dropped"] == "seed"


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/chat/completions", "/"])
async def test_a_path_that_does_not_exist_is_404(place, path):
    assert (await post(place, path, b"{}")).status_code == 404


async def test_models_are_listed_as_either_vendor_lists_them(place):
    async with openai_at(place, place[1]) as client:
        names = [model.id async for model in client.models.list()]
        assert {"chat", "claude"} <= {*names}
        assert (await client.models.retrieve("chat")).id == "chat"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("nope")
    async with anthropic_at(place, place[1]) as client:
        listed = [model async for model in client.models.list()]
        assert {"chat", "claude"} <= {model.id for model in listed}
        assert (await client.models.retrieve("claude")).type == "model"

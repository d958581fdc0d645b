"""What providers do wrong: the right error in the client's own SDK, a metered attempt, no harm."""

import asyncio
import time

import anthropic
import httpx2
import openai
import pytest

from tollway_cli.stack import Stack

ASK = [{"role": "user", "content": "Hello"}]

SCRIPTS = {
    "s400": "status=400",
    "s401": "status=401",
    "s403": "status=403",
    "s404": "status=404",
    "s429": "status=429;retry-after=7",
    "s500": "status=500",
    "s503": "status=503",
    "s529": "status=529",
    "html": "html=502",
    "page": "html",
    "quota": "status=200;error=quota",
    "cut": "tokens=200;cut=6",
    "early": "tokens=200;end=6",
    "fail": "tokens=200;fail=6",
    "garbage": "tokens=50;garbage=6",
    "silent": "hang=60",
    "unmetered": "tokens=40;usage=none",
    "zero": "tokens=40;usage=zero",
    "slow": "tokens=400;delay=20",
    "fine": "tokens=20",
}
SPECS = {"openai": "o", "anthropic": "a"}


@pytest.fixture(scope="module")
async def place(new_workspace):
    """For each script a model on either provider: `o-<script>` and `a-<script>`."""
    workspace = await new_workspace("bad-upstreams")
    for provider, prefix in SPECS.items():
        for name, script in SCRIPTS.items():
            await workspace.model(f"{prefix}-{name}", provider, f"sim-echo;{script}")
    await workspace.create(
        "providers", "nowhere", spec="openai-chat-completions", base_url="http://127.0.0.1:9"
    )
    await workspace.model("nowhere", "nowhere")
    await workspace.create(
        "providers", "unknown", spec="openai-chat-completions", base_url="https://no.such.invalid"
    )
    await workspace.model("unknown", "unknown")
    await workspace.create(
        "providers", "metadata", spec="anthropic", base_url="http://169.254.169.254"
    )
    await workspace.model("metadata", "metadata")
    key = await workspace.key()
    models = [f"{prefix}-{name}" for prefix in SPECS.values() for name in SCRIPTS]
    await workspace.routed(key, *models, "nowhere", "unknown", "metadata")
    return workspace, key


@pytest.fixture
async def openai_client(place):
    url = f"{place[0].addresses.router}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key=place[1], max_retries=0) as client:
        yield client


@pytest.fixture
async def anthropic_client(place):
    url = place[0].addresses.router
    async with anthropic.AsyncAnthropic(base_url=url, api_key=place[1], max_retries=0) as client:
        yield client


async def metered(place, error) -> dict:
    (item,) = await place[0].usage(error.response.headers["x-tollway-request-id"])
    return item


STATUSES = [
    ("s400", openai.BadRequestError, anthropic.BadRequestError),
    ("s401", openai.AuthenticationError, anthropic.AuthenticationError),
    ("s403", openai.PermissionDeniedError, anthropic.PermissionDeniedError),
    ("s404", openai.NotFoundError, anthropic.NotFoundError),
    ("s429", openai.RateLimitError, anthropic.RateLimitError),
    ("s500", openai.InternalServerError, anthropic.InternalServerError),
    ("s503", openai.InternalServerError, anthropic.InternalServerError),
    ("s529", openai.InternalServerError, anthropic.InternalServerError),
    ("html", openai.InternalServerError, anthropic.InternalServerError),
    ("page", openai.InternalServerError, anthropic.InternalServerError),
]


@pytest.mark.parametrize("prefix", SPECS.values())
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("script", "error", "_"), STATUSES, ids=[s for s, _, _ in STATUSES])
async def test_a_refusal_raises_the_openai_sdk_s_own_error_and_is_metered(
    place, openai_client, prefix, stream, script, error, _
):
    with pytest.raises(error) as refused:
        await openai_client.chat.completions.create(
            model=f"{prefix}-{script}", messages=ASK, stream=stream
        )
    if script == "s429":
        assert refused.value.response.headers["retry-after"] == "7"
    item = await metered(place, refused.value)
    assert item["outcome"] in {"upstream_refused", "upstream_failed", "upstream_invalid"}
    assert (item["meters"], item["estimated"]) == ({}, False)


@pytest.mark.parametrize("prefix", SPECS.values())
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("script", "_", "error"), STATUSES, ids=[s for s, _, _ in STATUSES])
async def test_a_refusal_raises_the_anthropic_sdk_s_own_error_and_is_metered(
    place, anthropic_client, prefix, stream, script, _, error
):
    with pytest.raises(error) as refused:
        await anthropic_client.messages.create(
            model=f"{prefix}-{script}", messages=ASK, max_tokens=100, stream=stream
        )
    if script == "s429":
        assert refused.value.response.headers["retry-after"] == "7"
    assert refused.value.body["type"] == "error"
    item = await metered(place, refused.value)
    assert (item["meters"], item["estimated"]) == ({}, False)


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("nowhere", "upstream_unreachable"),
        ("unknown", "upstream_unreachable"),
        ("metadata", "egress_refused"),
    ],
)
async def test_a_provider_that_cannot_be_reached_is_502_and_metered(
    place, openai_client, model, code
):
    with pytest.raises(openai.InternalServerError) as refused:
        await openai_client.chat.completions.create(model=model, messages=ASK)
    assert refused.value.status_code == 502
    assert refused.value.code == code
    assert "169.254" not in str(refused.value)
    assert (await metered(place, refused.value))["outcome"] == "upstream_unreachable"


async def streamed_by_openai(client, model: str) -> tuple[str, str, Exception | None]:
    """Return the request's id, the text that came, and what the SDK raised."""
    raw = await client.chat.completions.with_raw_response.create(
        model=model, messages=ASK, stream=True
    )
    text, raised = "", None
    try:
        async for chunk in raw.parse():
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    except (openai.APIError, httpx2.HTTPError) as error:
        raised = error
    return raw.headers["x-tollway-request-id"], text, raised


@pytest.mark.parametrize("prefix", SPECS.values())
@pytest.mark.parametrize(
    ("script", "outcome"),
    [("cut", "upstream_cut"), ("early", "upstream_cut"), ("fail", "upstream_failed")],
)
async def test_a_stream_that_breaks_off_is_an_error_to_the_openai_sdk_and_an_estimate(
    place, openai_client, prefix, script, outcome
):
    request_id, text, raised = await streamed_by_openai(openai_client, f"{prefix}-{script}")
    assert text
    assert isinstance(raised, openai.APIError)
    (item,) = await place[0].usage(request_id)
    assert item["outcome"] == outcome
    assert item["estimated"]
    assert item["meters"]["output"] > 0


@pytest.mark.parametrize("prefix", SPECS.values())
@pytest.mark.parametrize(
    ("script", "outcome"),
    [("cut", "upstream_cut"), ("early", "upstream_cut"), ("fail", "upstream_failed")],
)
async def test_a_stream_that_breaks_off_is_an_error_to_the_anthropic_sdk_and_an_estimate(
    place, anthropic_client, prefix, script, outcome
):
    raised, text = None, ""
    async with anthropic_client.messages.stream(
        model=f"{prefix}-{script}", messages=ASK, max_tokens=1000
    ) as stream:
        try:
            async for piece in stream.text_stream:
                text += piece
        except anthropic.APIError as error:
            raised = error
        request_id = stream.response.headers["x-tollway-request-id"]
    assert text
    assert raised is not None
    (item,) = await place[0].usage(request_id)
    assert (item["outcome"], item["estimated"]) == (outcome, True)


@pytest.mark.parametrize("prefix", SPECS.values())
async def test_garbage_amid_a_stream_ends_in_a_metered_attempt(place, openai_client, prefix):
    raw = await openai_client.chat.completions.with_raw_response.create(
        model=f"{prefix}-garbage", messages=ASK, stream=True
    )
    # What the SDK makes of garbage is its own affair; the attempt is metered in any case.
    await asyncio.gather(_read_to_the_end(raw.parse()), return_exceptions=True)
    (item,) = await place[0].usage(raw.headers["x-tollway-request-id"])
    assert item["outcome"] in {"ok", "upstream_failed", "upstream_cut"}
    assert item["meters"]["output"] > 0


async def _read_to_the_end(stream) -> None:
    async for _ in stream:
        pass


@pytest.mark.parametrize("prefix", SPECS.values())
async def test_a_provider_that_says_nothing_is_504_in_time_and_harms_no_other(
    place, openai_client, prefix
):
    """The stack under test waits 3 s for a first byte."""
    asked_at = time.monotonic()
    silent = asyncio.create_task(
        openai_client.chat.completions.create(model=f"{prefix}-silent", messages=ASK)
    )
    await asyncio.sleep(0.2)
    fine = await openai_client.chat.completions.create(model=f"{prefix}-fine", messages=ASK)
    assert fine.choices
    assert time.monotonic() - asked_at < 2
    with pytest.raises(openai.InternalServerError) as refused:
        await silent
    assert refused.value.status_code == 504
    assert time.monotonic() - asked_at < 6
    assert (await metered(place, refused.value))["outcome"] == "upstream_timeout"


@pytest.mark.parametrize("prefix", SPECS.values())
async def test_a_stream_without_usage_is_estimated_and_an_explicit_zero_is_not(
    place, openai_client, prefix
):
    request_id, text, raised = await streamed_by_openai(openai_client, f"{prefix}-unmetered")
    assert (bool(text), raised) == (True, None)
    (item,) = await place[0].usage(request_id)
    assert (item["outcome"], item["estimated"]) == ("ok", True)
    assert item["meters"]["output"] > 0
    request_id, _, raised = await streamed_by_openai(openai_client, f"{prefix}-zero")
    assert raised is None
    (item,) = await place[0].usage(request_id)
    assert (item["estimated"], item["meters"]["output"]) == (False, 0)


@pytest.mark.parametrize("prefix", SPECS.values())
async def test_a_client_that_leaves_amid_a_stream_is_metered_exactly(
    place, openai_client, prefix, stack: Stack
):
    raw = await openai_client.chat.completions.with_raw_response.create(
        model=f"{prefix}-slow", messages=ASK, stream=True
    )
    stream = raw.parse()
    await anext(aiter(stream))
    await stream.close()
    (item,) = await place[0].usage(raw.headers["x-tollway-request-id"])
    assert (item["outcome"], item["estimated"]) == ("client_disconnected", False)
    assert item["meters"]["output"] == 400


async def test_a_credential_that_does_not_exist_is_502_and_named(place, openai_client):
    workspace, key = place
    await workspace.create(
        "providers",
        "keyless",
        spec="openai-chat-completions",
        base_url=workspace.addresses.simulator,
        credential="not-made-yet",
    )
    await workspace.model("keyless", "keyless")
    await workspace.routed(key, "keyless")
    with pytest.raises(openai.InternalServerError, match="'not-made-yet'") as refused:
        await openai_client.chat.completions.create(model="keyless", messages=ASK)
    assert refused.value.code == "credential_missing"

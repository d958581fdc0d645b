"""What scripts do, seen by the SDKs and on the raw wire."""

import asyncio
import json
import re
import time
from itertools import pairwise
from typing import Any

import anthropic
import httpx2
import openai
import pytest

MESSAGES = [{"role": "user", "content": "hello"}]


def chat_body(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": MESSAGES, **more}


def claude_body(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": MESSAGES, "max_tokens": 5000, **more}


WIRES = [("/v1/chat/completions", chat_body), ("/v1/messages", claude_body)]
on_both_wires = pytest.mark.parametrize(("path", "body"), WIRES, ids=["openai", "anthropic"])


@pytest.mark.parametrize(
    ("settings", "error", "code"),
    [
        ("status=400", openai.BadRequestError, None),
        ("status=401", openai.AuthenticationError, "invalid_api_key"),
        ("status=403", openai.PermissionDeniedError, "unsupported_country_region_territory"),
        ("status=404", openai.NotFoundError, "model_not_found"),
        ("status=413", openai.APIStatusError, None),
        ("status=429", openai.RateLimitError, "rate_limit_exceeded"),
        ("error=quota", openai.RateLimitError, "insufficient_quota"),
        ("error=context", openai.BadRequestError, "context_length_exceeded"),
        ("status=500", openai.InternalServerError, None),
        ("status=503", openai.InternalServerError, None),
        ("status=529", openai.InternalServerError, None),
    ],
)
async def test_openais_sdk_knows_each_error(
    chat: openai.AsyncOpenAI, settings: str, error: type[openai.APIStatusError], code: str | None
) -> None:
    with pytest.raises(error) as caught:
        await chat.chat.completions.create(**chat_body(f"sim-echo;{settings}"))
    assert caught.value.code == code
    assert caught.value.request_id
    assert isinstance(caught.value.body, dict)
    assert set(caught.value.body) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("settings", "error", "kind"),
    [
        ("status=400", anthropic.BadRequestError, "invalid_request_error"),
        ("status=401", anthropic.AuthenticationError, "authentication_error"),
        ("status=403", anthropic.PermissionDeniedError, "permission_error"),
        ("status=404", anthropic.NotFoundError, "not_found_error"),
        ("status=413", anthropic.APIStatusError, "request_too_large"),
        ("status=429", anthropic.RateLimitError, "rate_limit_error"),
        ("error=context", anthropic.BadRequestError, "invalid_request_error"),
        ("status=500", anthropic.InternalServerError, "api_error"),
        ("status=503", anthropic.APIStatusError, "api_error"),
        ("error=overloaded", anthropic.APIStatusError, "overloaded_error"),
    ],
)
async def test_anthropics_sdk_knows_each_error(
    claude: anthropic.AsyncAnthropic,
    settings: str,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    with pytest.raises(error) as caught:
        await claude.messages.create(**claude_body(f"sim-echo;{settings}"))
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["type"] == kind
    assert caught.value.request_id == caught.value.body["request_id"]


@on_both_wires
async def test_an_error_can_say_when_to_return(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    answer = await http.post(path, json=body("sim-echo;status=429;retry-after=7"))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "7"


async def test_sdks_retry_what_the_wire_tells_them_to_retry(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=2) as chat:
        await chat.post(
            f"{url}/sim/scripts",
            body={"scripts": ["status=429;retry-after=0.01"], "times": 2},
            cast_to=object,
        )
        answer = await chat.chat.completions.create(**chat_body("sim-echo"))
    assert answer.choices[0].message.content == "hello"


@on_both_wires
@pytest.mark.parametrize("setting", ["status=abc", "colour=red", "error=colour"])
async def test_a_script_that_makes_no_sense_is_a_400(
    http: httpx2.AsyncClient, path: str, body: Any, setting: str
) -> None:
    answer = await http.post(path, json=body(f"sim-echo;{setting}"))
    assert answer.status_code == 400
    assert "script" in answer.json()["error"]["message"]


@on_both_wires
@pytest.mark.parametrize("status", [200, 502])
async def test_html_can_come_instead_of_json(
    http: httpx2.AsyncClient, path: str, body: Any, status: int
) -> None:
    answer = await http.post(path, json=body(f"sim-echo;html={status}"))
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "<html" in answer.text


@on_both_wires
async def test_a_stream_can_be_cut_after_some_events(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    received = b""
    asked = body("sim-echo;tokens=50;cut=6", stream=True)
    with pytest.raises(httpx2.RemoteProtocolError):
        async with http.stream("POST", path, json=asked) as answer:
            async for data in answer.aiter_bytes():
                received += data
    assert received.count(b"\n\n") == 6


@on_both_wires
async def test_a_stream_can_end_properly_but_early(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    answer = await http.post(path, json=body("sim-echo;tokens=50;end=6", stream=True))
    assert answer.text.count("\n\n") == 6
    assert "[DONE]" not in answer.text
    assert "message_stop" not in answer.text


@on_both_wires
async def test_a_cut_beyond_the_end_changes_nothing(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    answer = await http.post(path, json=body("sim-echo;cut=1000", stream=True))
    assert answer.text.endswith(("data: [DONE]\n\n", 'data: {"type":"message_stop"}\n\n'))


async def test_an_error_event_reaches_openais_sdk(chat: openai.AsyncOpenAI) -> None:
    stream = await chat.chat.completions.create(
        **chat_body("sim-echo;tokens=50;fail=4"), stream=True
    )
    seen = 0
    with pytest.raises(openai.APIError, match="overloaded"):
        async for _ in stream:
            seen += 1
    assert seen == 4


async def test_an_error_event_reaches_anthropics_sdk(claude: anthropic.AsyncAnthropic) -> None:
    stream = await claude.messages.create(**claude_body("sim-echo;tokens=50;fail=4"), stream=True)
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        async for _ in stream:
            pass


@on_both_wires
async def test_garbage_can_stand_in_a_stream(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    answer = await http.post(path, json=body("sim-echo;tokens=50;garbage=5", stream=True))
    events = answer.content.split(b"\n\n")
    assert b"\xff\xfe" in events[5]
    assert b"\xff\xfe" not in events[4] + events[6]


@on_both_wires
async def test_a_body_can_be_cut_short_or_spoilt(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    ended = await http.post(path, json=body("sim-echo;end=20"))
    assert len(ended.content) == 20
    spoilt = await http.post(path, json=body("sim-echo;garbage=20"))
    with pytest.raises(ValueError):
        spoilt.json()
    with pytest.raises(httpx2.RemoteProtocolError):
        await http.post(path, json=body("sim-echo;cut=20"))


@on_both_wires
async def test_a_body_can_be_padded(http: httpx2.AsyncClient, path: str, body: Any) -> None:
    answer = await http.post(path, json=body("sim-echo;pad=2000000"))
    assert len(answer.content) > 2_000_000
    assert answer.json()["model"] == "sim-echo"
    stream = await http.post(path, json=body("sim-echo;pad=2000", stream=True))
    assert stream.content.startswith(b":" + b" " * 2000 + b"\n\n")


@on_both_wires
@pytest.mark.parametrize("stream", [False, True])
async def test_the_first_byte_can_be_late(
    http: httpx2.AsyncClient, path: str, body: Any, stream: bool
) -> None:
    started = time.monotonic()
    async with http.stream("POST", path, json=body("sim-echo;hang=0.15", stream=stream)):
        assert time.monotonic() - started >= 0.15


@on_both_wires
async def test_a_stream_can_stall_at_an_event(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    asked = body("sim-echo;tokens=20;stall=0.2@3", stream=True)
    async with http.stream("POST", path, json=asked) as answer:
        times = [time.monotonic() async for _ in answer.aiter_bytes()]
    assert max(later - earlier for earlier, later in pairwise(times)) > 0.15


@on_both_wires
async def test_events_can_be_slow(http: httpx2.AsyncClient, path: str, body: Any) -> None:
    started = time.monotonic()
    await http.post(path, json=body("sim-echo;tokens=10;delay=10", stream=True))
    assert time.monotonic() - started >= 0.1


@on_both_wires
async def test_events_can_be_split_anywhere(http: httpx2.AsyncClient, path: str, body: Any) -> None:
    whole = await http.post(path, json=body("sim-echo", stream=True))
    split = await http.post(path, json=body("sim-echo;split=3", stream=True))
    assert len(split.content) == len(whole.content)


@on_both_wires
async def test_one_event_can_carry_many_tokens(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    answer = await http.post(path, json=body("sim-echo;tokens=1000;batch=1000", stream=True))
    assert answer.text.count("\n\n") <= 8


@on_both_wires
@pytest.mark.parametrize("stream", [False, True])
async def test_usage_can_be_missing_or_zero(
    http: httpx2.AsyncClient, path: str, body: Any, stream: bool
) -> None:
    options = {"stream_options": {"include_usage": True}} if path.endswith("completions") else {}
    none = await http.post(path, json=body("sim-echo;usage=none", stream=stream, **options))
    assert "tokens" not in none.text
    zero = await http.post(path, json=body("sim-echo;usage=zero", stream=stream, **options))
    assert set(re.findall(r'_tokens":(\d+)', zero.text)) == {"0"}


@pytest.mark.parametrize(("mode", "told"), [("every", 4), ("choices", 1)])
async def test_usage_can_stand_in_chunks_that_have_choices(
    http: httpx2.AsyncClient, mode: str, told: int
) -> None:
    asked = chat_body(f"sim-echo;usage={mode}", stream=True, stream_options={"include_usage": True})
    answer = await http.post("/v1/chat/completions", json=asked)
    chunks = [json.loads(event[6:]) for event in answer.text.split("\n\n")[:-2]]
    with_both = [chunk for chunk in chunks if chunk["choices"] and chunk["usage"]]
    assert len(with_both) == told
    assert with_both[-1]["usage"]["completion_tokens"] == 2


@on_both_wires
async def test_a_very_long_answer_has_exactly_its_tokens(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    answer = await http.post(path, json=body("sim-echo;tokens=20000", max_tokens=50_000))
    usage = answer.json()["usage"]
    assert usage.get("completion_tokens", usage.get("output_tokens")) == 20_000


async def test_a_header_overrides_the_model_id(http: httpx2.AsyncClient) -> None:
    answer = await http.post(
        "/v1/chat/completions",
        json=chat_body("sim-echo;tokens=3"),
        headers={"x-sim-script": "tokens=4;finish=content_filter"},
    )
    assert answer.json()["usage"]["completion_tokens"] == 4
    assert answer.json()["choices"][0]["finish_reason"] == "content_filter"


@on_both_wires
async def test_a_client_that_leaves_ends_a_hanging_request_at_once(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        await http.post(path, json=body("sim-echo;hang=60"), timeout=0.1)
    for _ in range(100):
        totals = (await http.get("/sim/ledger/totals")).json()
        if totals["abandoned"]:
            break
        await asyncio.sleep(0.02)
    assert (totals["abandoned"], totals["requests"]) == (1, 0)

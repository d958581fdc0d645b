"""Whatever an upstream or a client sends: no exception but a refusal, and no crash."""

import json
import random
from typing import Any

import pytest
from unit.codecs.wire import (
    CHAT,
    DONE,
    MESSAGES,
    TARGET,
    block,
    chat_answer,
    chat_head,
    chunk,
    message_answer,
    message_end,
    message_start,
    messages_head,
    text_block,
    tool_delta,
)

from tollway_router.canonical.failure import RequestRefused
from tollway_router.codecs.codec import Codec
from tollway_router.codecs.exchange import plan

JUNK: list[Any] = [None, 0, -1, 1.5, "", "x", [], {}, [None], [1], [{}], {"a": 1}, True, 10**30]
STREAMS = {
    CHAT: chunk({"role": "assistant", "content": "a", "reasoning_content": "b"})
    + chunk(tool_delta(0, "{}", id="a", name="f"))
    + chunk({"reasoning_details": [{"type": "reasoning.text", "text": "x", "signature": "s"}]})
    + chunk({"thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}]})
    + chunk({}, finish="stop", usage={"prompt_tokens": 3, "completion_tokens": 4})
    + DONE,
    MESSAGES: message_start()
    + text_block(0, "a")
    + block(1, {"type": "tool_use", "id": "a", "name": "f", "input": {}})
    + message_end(),
}
ANSWERS = {
    CHAT: chat_answer({"content": "x", "tool_calls": [{"id": "a", "function": {"name": "f"}}]}),
    MESSAGES: message_answer([{"type": "text", "text": "x"}]),
}
CLIENTS = pytest.mark.parametrize("client", [CHAT, MESSAGES], ids=lambda codec: codec.name)
UPSTREAMS = pytest.mark.parametrize("upstream", [CHAT, MESSAGES], ids=lambda codec: codec.name)
SEEDS = pytest.mark.parametrize("seed", range(60))


def spoiled(value: Any, dice: random.Random) -> Any:
    if dice.random() < 0.08:
        return dice.choice(JUNK)
    if isinstance(value, dict):
        return {k: spoiled(v, dice) for k, v in value.items() if dice.random() > 0.03}
    return [spoiled(one, dice) for one in value] if isinstance(value, list) else value


def spoiled_stream(stream: bytes, dice: random.Random) -> bytes:
    lines = stream.split(b"\n")
    for at, line in enumerate(lines):
        if line.startswith(b"data: {"):
            value = spoiled(json.loads(line.removeprefix(b"data: ")), dice)
            lines[at] = b"data: " + json.dumps(value).encode()
    return b"\n".join(lines)[: None if dice.random() < 0.8 else dice.randrange(len(stream))]


@SEEDS
@CLIENTS
@UPSTREAMS
def test_a_spoiled_stream_always_ends_finished_or_failed(
    client: Codec, upstream: Codec, seed: int
) -> None:
    body = spoiled_stream(STREAMS[upstream], random.Random(seed))
    head = chat_head(stream=True) if client is CHAT else messages_head(stream=True)
    path = plan(client, upstream, head, TARGET).stream()
    path.feed(body)
    path.end()
    assert path.finished or path.failure is not None
    assert path.usage is None or min(path.usage.meters.values(), default=0) >= 0


@SEEDS
@CLIENTS
@UPSTREAMS
def test_a_spoiled_answer_is_an_answer_or_a_failure(
    client: Codec, upstream: Codec, seed: int
) -> None:
    body = json.dumps(spoiled(json.loads(ANSWERS[upstream]), random.Random(seed))).encode()
    made = plan(client, upstream, chat_head() if client is CHAT else messages_head(), TARGET)
    answer = made.answer(body)
    assert answer.body
    status, told = made.error(500, body)
    assert status == 500
    assert client.is_own_error(told)


@SEEDS
@CLIENTS
@UPSTREAMS
def test_a_spoiled_request_is_sent_or_refused(client: Codec, upstream: Codec, seed: int) -> None:
    request = {
        "model": "m",
        "max_tokens": 10,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x"}]},
            {"role": "assistant", "content": "y"},
            {"role": "user", "content": "z"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "stop": ["a"],
        "temperature": 0.5,
    }
    body = json.dumps(spoiled(request, random.Random(seed))).encode()
    try:
        made = plan(client, upstream, client.read_head(body), TARGET)
    except RequestRefused as refused:
        assert str(refused)  # noqa: PT017 (either way is right)
    else:
        assert json.loads(made.body)
        assert made.input_chars >= 0

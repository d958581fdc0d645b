"""Translated streams of real providers, put together by the clients' own SDKs."""

import json
from collections.abc import Iterable
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from replay.codecs.gist import gist, plain_arguments, recorded_response
from replay.codecs.recorded import codec_of, head_of, other_codec, recordings
from support.corpus import Exchange, cases

from tollway_router.canonical.response import StopReason
from tollway_router.codecs.codec import Target
from tollway_router.codecs.exchange import plan

pytestmark = pytest.mark.corpus

TARGET = Target("m")
USER: Any = [{"role": "user", "content": "?"}]
# What the OpenAI SDK's stream helper makes of these finish reasons, whoever sent them.
SDK_RAISES: dict[StopReason, type[Exception]] = {
    StopReason.LENGTH: openai.LengthFinishReasonError,
    StopReason.REFUSAL: openai.ContentFilterFinishReasonError,
}
BROKEN_STREAMS = {"oac-s-47b3d922c7", "oac-s-800501cacf", "ant-s-3a2a9e7a38"}


def streamed(client: str, *, broken: bool = False) -> Iterable[Exchange]:
    for one in recordings():
        wanted = other_codec(one).name == client and (one.id in BROKEN_STREAMS) == broken
        if one.is_event_stream and wanted:
            yield one


def network(exchange: Exchange) -> httpx2.Client:
    """A network that answers every request with the translation."""
    client = other_codec(exchange)
    path = plan(client, codec_of(exchange), head_of(exchange, client), TARGET).stream()
    body = path.feed(exchange.body_bytes()) + path.end()
    answer = httpx2.Response(
        200, headers={"content-type": client.stream_content_type}, content=body
    )
    return httpx2.Client(transport=httpx2.MockTransport(lambda _request: answer))


def openai_message(exchange: Exchange) -> Any:
    with (
        network(exchange) as http,
        openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http) as client,
        client.chat.completions.stream(model="m", messages=USER) as stream,
    ):
        return stream.get_final_completion().choices[0].message


def anthropic_message(exchange: Exchange) -> anthropic.types.Message:
    with (
        network(exchange) as http,
        anthropic.Anthropic(api_key="k", base_url="http://gateway", http_client=http) as client,
        client.messages.stream(model="m", messages=USER, max_tokens=9) as stream,
    ):
        return stream.get_final_message()


@pytest.mark.parametrize("exchange", cases(iter(streamed("openai-chat"))))
def test_the_openai_sdk_puts_a_messages_answer_together(exchange: Exchange) -> None:
    expected = gist(recorded_response(exchange))
    if expected.stop in SDK_RAISES:
        with pytest.raises(SDK_RAISES[expected.stop]):
            openai_message(exchange)
        return
    message = openai_message(exchange)
    assert (message.content or "") == expected.text
    assert getattr(message, "reasoning_content", "") == expected.reasoning
    calls = message.tool_calls or []
    assert (
        tuple(
            (call.id, call.function.name, plain_arguments(call.function.arguments))
            for call in calls
        )
        == expected.calls
    )
    blocks = getattr(message, "thinking_blocks", [])
    assert tuple(block.get("signature") or block.get("data") for block in blocks) == tuple(
        filter(None, expected.signed)
    )


@pytest.mark.parametrize("exchange", cases(iter(streamed("anthropic-messages"))))
def test_the_anthropic_sdk_puts_a_chat_answer_together(exchange: Exchange) -> None:
    expected = gist(recorded_response(exchange))
    message = anthropic_message(exchange)
    assert "".join(b.text for b in message.content if b.type == "text") == expected.text
    thoughts = [b.thinking for b in message.content if b.type == "thinking"]
    assert "".join(thoughts) == expected.reasoning
    assert sdk_calls(message) == expected.calls
    assert message.usage.output_tokens == expected.tokens_out
    assert tokens_in(message) == expected.tokens_in


def sdk_calls(message: anthropic.types.Message) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (block.id, block.name, json.dumps(block.input, sort_keys=True))
        for block in message.content
        if block.type == "tool_use"
    )


def tokens_in(message: anthropic.types.Message) -> int:
    usage = message.usage
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return usage.input_tokens + cached


@pytest.mark.parametrize("exchange", cases(iter(streamed("openai-chat", broken=True))))
def test_the_openai_sdk_raises_on_a_stream_that_broke(exchange: Exchange) -> None:
    with pytest.raises(openai.APIError, match="began its answer again"):
        openai_message(exchange)


@pytest.mark.parametrize("exchange", cases(iter(streamed("anthropic-messages", broken=True))))
def test_the_anthropic_sdk_raises_on_a_stream_that_broke(exchange: Exchange) -> None:
    with pytest.raises(anthropic.APIStatusError):
        anthropic_message(exchange)

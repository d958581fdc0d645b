"""Answers of real providers, translated into the other format: whole and streamed."""

import json
from dataclasses import replace

import msgspec
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter
from replay.codecs.assembly import assemble
from replay.codecs.gist import gist, plain_arguments, recorded_response
from replay.codecs.recorded import codec_of, head_of, other_codec, pieces, recordings
from support.corpus import Exchange, cases

from tollway_router.canonical.parts import (
    Part,
    Reasoning,
    RedactedReasoning,
    Text,
    ToolCall,
)
from tollway_router.canonical.response import ChatResponse
from tollway_router.codecs.codec import Codec, Target
from tollway_router.codecs.exchange import plan
from tollway_router.codecs.sse import SseParser

pytestmark = pytest.mark.corpus

TARGET = Target("m")
# Streams that end in an error, or begin again amid a tool call.
BROKEN_STREAMS = {"oac-s-47b3d922c7", "oac-s-800501cacf", "ant-s-3a2a9e7a38"}
STREAM_EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)


def streamed(*, broken: bool = False) -> list[Exchange]:
    found = [one for one in recordings() if one.is_event_stream]
    return [one for one in found if (one.id in BROKEN_STREAMS) == broken]


def whole() -> list[Exchange]:
    return [one for one in recordings() if one.status < 400 and not one.is_event_stream]


def translated_whole(exchange: Exchange) -> bytes:
    """The non-streamed translation of what was recorded, streamed or not."""
    codec = other_codec(exchange)
    return codec.write_response(recorded_response(exchange), head_of(exchange, codec))


def translated_stream(exchange: Exchange, size: int) -> bytes:
    client = other_codec(exchange)
    path = plan(client, codec_of(exchange), head_of(exchange, client), TARGET).stream()
    sent = b"".join([path.feed(piece) for piece in pieces(exchange.body_bytes(), size)])
    return sent + path.end()


def check_whole(codec: Codec, body: bytes) -> None:
    """The client's own SDK takes the answer."""
    if codec.name == "openai-chat":
        ChatCompletion.model_validate_json(body, strict=False)
    else:
        Message.model_validate_json(body)


def check_stream(codec: Codec, body: bytes) -> None:
    parser = SseParser()
    events = parser.feed(body)
    assert parser.end() == []
    if codec.name == "openai-chat":
        assert events.pop().data == b"[DONE]"
        for event in events:
            ChatCompletionChunk.model_validate_json(event.data)
        return
    for event in events:
        STREAM_EVENT.validate_json(event.data)
        assert event.name == json.loads(event.data)["type"]
    check_blocks([json.loads(event.data) for event in events])


def check_blocks(events: list[dict[str, object]]) -> None:
    """One message_start, blocks one after the other by index, one message_stop at the end."""
    kinds = [event["type"] for event in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("message_start") == kinds.count("message_stop") == 1
    open_block: object = None
    blocks = 0
    for event in events:
        if event["type"] == "content_block_start":
            assert open_block is None
            assert event["index"] == blocks
            open_block, blocks = event["index"], blocks + 1
        elif event["type"] == "content_block_delta":
            assert event["index"] == open_block
        elif event["type"] == "content_block_stop":
            assert event["index"] == open_block
            open_block = None
    assert open_block is None


@pytest.mark.parametrize("exchange", cases(iter(whole())))
def test_a_whole_answer_translates_with_nothing_lost(exchange: Exchange) -> None:
    client = other_codec(exchange)
    made = plan(client, codec_of(exchange), head_of(exchange, client), TARGET)
    answer = made.answer(exchange.body_bytes())
    assert answer.failure is None
    assert answer.usage == codec_of(exchange).read_usage(exchange.body_bytes(), TARGET)
    check_whole(client, answer.body)
    source = replace(recorded_response(exchange), usage=answer.usage)
    assert gist(client.read_response(answer.body)) == gist(source)


@pytest.mark.parametrize("exchange", cases(iter(streamed())))
def test_a_streamed_answer_translates_with_nothing_lost_however_it_is_cut(
    exchange: Exchange,
) -> None:
    client = other_codec(exchange)
    sent = translated_stream(exchange, 7)
    assert sent == translated_stream(exchange, 1 << 20)
    check_stream(client, sent)
    assert gist(read_back(client, sent)) == gist(recorded_response(exchange))


def read_back(codec: Codec, sent: bytes) -> ChatResponse:
    reader = codec.stream_reader(TARGET)
    return assemble(reader.feed(sent) + reader.end())


@pytest.mark.parametrize("exchange", cases(iter(streamed())))
def test_a_streamed_translation_says_what_the_whole_translation_says(exchange: Exchange) -> None:
    client = other_codec(exchange)
    body = translated_whole(exchange)
    check_whole(client, body)
    at_once = client.read_response(body)
    piecemeal = read_back(client, translated_stream(exchange, 64))
    assert comparable(client, piecemeal) == comparable(client, at_once)


def comparable(codec: Codec, response: ChatResponse) -> ChatResponse:
    """Meters without the raw object; chat messages hold text and reasoning as one string each."""
    usage = response.usage and replace(response.usage, raw={})
    choices = [
        replace(choice, parts=tuple(map(plain_part, grouped(codec, choice.parts))))
        for choice in response.choices
    ]
    return replace(response, usage=usage, choices=tuple(choices), created=0)


def plain_part(part: Part) -> Part:
    if isinstance(part, ToolCall):
        return replace(part, arguments=plain_arguments(part.arguments), at="")
    if isinstance(part, Text):
        return replace(part, extras=None)
    return part


def grouped(codec: Codec, parts: tuple[Part, ...]) -> list[Part]:
    if codec.name != "openai-chat":
        return list(parts)
    texts = [part for part in parts if isinstance(part, Text)]
    text = "".join(part.text for part in texts)
    cited = tuple(citation for part in texts for citation in part.citations)
    thoughts = [p for p in parts if isinstance(p, Reasoning | RedactedReasoning)]
    rest = [p for p in parts if not isinstance(p, Text | Reasoning | RedactedReasoning)]
    return [*thoughts, *([Text(text, citations=cited)] if text else []), *rest]


@pytest.mark.parametrize("exchange", cases(iter(streamed(broken=True))))
def test_a_stream_that_broke_ends_with_one_error_event_in_the_clients_format(
    exchange: Exchange,
) -> None:
    client = other_codec(exchange)
    path = plan(client, codec_of(exchange), head_of(exchange, client), TARGET).stream()
    sent = path.feed(exchange.body_bytes()) + path.end()
    assert path.failure is not None
    assert not path.finished
    events = SseParser().feed(sent)
    errors = [event for event in events if b'"error"' in event.data]
    assert errors == events[-1:]
    assert client.is_own_error(errors[0].data)
    assert path.failure.message in json.loads(errors[0].data)["error"]["message"]


@pytest.mark.parametrize("exchange", cases(one for one in recordings() if one.status >= 400))
def test_a_refusal_is_told_in_the_words_of_the_other_format(exchange: Exchange) -> None:
    client = other_codec(exchange)
    made = plan(client, codec_of(exchange), head_of(exchange, client), TARGET)
    status, body = made.error(exchange.status, exchange.body_bytes())
    assert status == exchange.status
    assert client.is_own_error(body)
    told = msgspec.json.decode(body)["error"]["message"]
    assert told == codec_of(exchange).read_error(status, exchange.body_bytes()).message

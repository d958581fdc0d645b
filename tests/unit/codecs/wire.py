"""Builders of requests, answers and streams in both formats."""

import json
from typing import Any

from tollway_router.canonical.failure import Failure, RequestRefused
from tollway_router.codecs.anthropic_messages.codec import AnthropicMessages
from tollway_router.codecs.codec import RequestHead, StreamPath, Target
from tollway_router.codecs.exchange import Answer, Exchange, plan
from tollway_router.codecs.openai_chat.codec import OpenAIChat

NOW = 1_700_000_000
CHAT = OpenAIChat(now=lambda: NOW)
MESSAGES = AnthropicMessages()
TARGET = Target("upstream-model")
DROP = Target("upstream-model", on_unsupported="drop")

USER = {"role": "user", "content": "hi"}
PDF = "JVBERi0xLjQK"


def chat_head(**fields: Any) -> RequestHead:
    return CHAT.read_head(encoded({"model": "m", "messages": [USER], **fields}))


def messages_head(**fields: Any) -> RequestHead:
    body = {"model": "m", "max_tokens": 100, "messages": [USER], **fields}
    return MESSAGES.read_head(encoded(body))


def to_messages(target: Target = TARGET, **fields: Any) -> dict[str, Any]:
    """A chat request as the Messages upstream gets it."""
    return json.loads(chat_to_messages(target, **fields).body)


def to_chat(target: Target = TARGET, **fields: Any) -> dict[str, Any]:
    """A Messages request as the chat upstream gets it."""
    return json.loads(messages_to_chat(target, **fields).body)


def chat_to_messages(target: Target = TARGET, **fields: Any) -> Exchange:
    return plan(CHAT, MESSAGES, chat_head(**fields), target)


def messages_to_chat(target: Target = TARGET, **fields: Any) -> Exchange:
    return plan(MESSAGES, CHAT, messages_head(**fields), target)


def refusal(made: Any, *args: Any, **fields: Any) -> Failure:
    """What a client is told of a request that is refused."""
    try:
        made(*args, **fields)
    except RequestRefused as refused:
        return refused.failure
    raise AssertionError("the request was not refused")


def encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def chunk(delta: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """One chat chunk; without a delta it has no choices."""
    choice = {"index": 0, "delta": delta, "finish_reason": fields.pop("finish", None)}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "gpt",
        "choices": [] if delta is None else [choice],
        **fields,
    }
    return b"data: " + encoded(body) + b"\n\n"


DONE = b"data: [DONE]\n\n"


def tool_delta(index: int | None, arguments: str, **call: Any) -> dict[str, Any]:
    name = call.pop("name", None)
    function = {"arguments": arguments, **({"name": name} if name else {})}
    place = {} if index is None else {"index": index}
    return {"tool_calls": [{**place, **call, "function": function}]}


def sse(kind: str, **fields: Any) -> bytes:
    """One Messages event."""
    return f"event: {kind}\n".encode() + b"data: " + encoded({"type": kind, **fields}) + b"\n\n"


def message_start(**usage: Any) -> bytes:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1, **usage},
    }
    return sse("message_start", message=message)


def block(index: int, content_block: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    """A whole block: its start, its deltas, its stop."""
    grown = [sse("content_block_delta", index=index, delta=delta) for delta in deltas]
    start = sse("content_block_start", index=index, content_block=content_block)
    return start + b"".join(grown) + sse("content_block_stop", index=index)


def text_block(index: int, *texts: str) -> bytes:
    deltas = ({"type": "text_delta", "text": text} for text in texts)
    return block(index, {"type": "text", "text": ""}, *deltas)


def message_end(stop: str = "end_turn", **usage: Any) -> bytes:
    delta = {"stop_reason": stop, "stop_sequence": None}
    closing = sse("message_delta", delta=delta, usage={"output_tokens": 7, **usage})
    return closing + sse("message_stop")


def chat_stream_for_messages_client(body: bytes, target: Target = TARGET) -> list[dict[str, Any]]:
    """A chat upstream's stream as a Messages client gets it."""
    path = plan(MESSAGES, CHAT, messages_head(stream=True), target).stream()
    return datas(path.feed(body) + path.end())


def messages_stream_for_chat_client(body: bytes, *, usage: bool = True) -> list[dict[str, Any]]:
    """A Messages upstream's stream as a chat client gets it, without its [DONE]."""
    head = chat_head(stream=True, stream_options={"include_usage": usage})
    path = plan(CHAT, MESSAGES, head, TARGET).stream()
    return datas(path.feed(body) + path.end())


def datas(sent: bytes) -> list[dict[str, Any]]:
    lines = [line.removeprefix(b"data: ") for line in sent.splitlines() if line[:5] == b"data:"]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def chat_relay(*, asked: bool, target: Target = TARGET) -> StreamPath:
    options = {"stream_options": {"include_usage": True}} if asked else {}
    return plan(CHAT, CHAT, chat_head(stream=True, **options), target).stream()


def chat_answer(message: dict[str, Any], finish: str | None = "stop", **fields: Any) -> bytes:
    return encoded(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 5,
            "model": "gpt",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17},
            **fields,
        }
    )


def message_answer(content: list[dict[str, Any]], stop: str = "end_turn", **fields: Any) -> bytes:
    return encoded(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 7},
            **fields,
        }
    )


def chat_for_messages_client(body: bytes, target: Target = TARGET) -> dict[str, Any]:
    return json.loads(answered(messages_to_chat(target), body).body)


def messages_for_chat_client(body: bytes) -> dict[str, Any]:
    return json.loads(answered(chat_to_messages(), body).body)


def answered(made: Exchange, body: bytes) -> Answer:
    answer = made.answer(body)
    assert answer.failure is None
    return answer

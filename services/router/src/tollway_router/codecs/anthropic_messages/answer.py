"""A whole message: read, written, and looked at while it is relayed."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tollway_router.canonical.failure import (
    AnswerUnreadable,
    Failure,
    FailureKind,
    RequestRefused,
    unreadable,
)
from tollway_router.canonical.parts import (
    Opaque,
    Part,
    Reasoning,
    RedactedReasoning,
    Refusal,
    Text,
    ToolCall,
)
from tollway_router.canonical.response import ChatResponse, Choice, settled
from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.anthropic_messages.block_reader import FORMAT, read_blocks
from tollway_router.codecs.anthropic_messages.block_writer import tool_id
from tollway_router.codecs.anthropic_messages.stops import read_stop, write_stop
from tollway_router.codecs.anthropic_messages.tiers import write_served_tier
from tollway_router.codecs.anthropic_messages.usage import read_usage, write_usage
from tollway_router.codecs.codec import Inspection
from tollway_router.codecs.extent import response_chars
from tollway_router.codecs.upstream_error import read_upstream_error

NOT_AN_ANSWER = Failure(FailureKind.UPSTREAM_ERROR, "the upstream's answer is not a message", 502)


def read_response(body: bytes) -> ChatResponse:
    """The canonical answer; `AnswerUnreadable` for an error or anything else in its place."""
    value = _decoded(body)
    content = value.get("content")
    if not isinstance(content, list):
        raise AnswerUnreadable(NOT_AN_ANSWER)
    try:
        parts = read_blocks(content, "content")
    except RequestRefused as refused:
        raise unreadable(f"the upstream's answer can't be read: {refused}") from refused
    sequence = value.get("stop_sequence")
    usage = value.get("usage")
    report = read_usage(usage) if isinstance(usage, dict) else None
    choice = Choice(
        index=0,
        parts=parts,
        stop=read_stop(value.get("stop_reason")),
        stop_sequence=sequence if isinstance(sequence, str) else None,
    )
    return ChatResponse(
        id=str(value.get("id") or ""),
        model=str(value.get("model") or ""),
        choices=(choice,),
        usage=report,
        service_tier=None if report is None else report.service_tier,
    )


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerUnreadable(NOT_AN_ANSWER) from error
    if not isinstance(value, dict):
        raise AnswerUnreadable(NOT_AN_ANSWER)
    if value.get("error") or value.get("type") == "error":
        raise AnswerUnreadable(read_upstream_error(200, body))
    return value


def write_response(response: ChatResponse) -> bytes:
    """The body. There is one answer to a message: the first choice.

    Parts that only another format has are left out.
    """
    choice = response.choices[0] if response.choices else Choice(0, ())
    stop = settled(
        choice.stop,
        has_calls=any(isinstance(part, ToolCall) for part in choice.parts),
        has_refusal=any(isinstance(part, Refusal) for part in choice.parts),
    )
    body = {
        "id": response.id,
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": _blocks(choice.parts),
        "stop_reason": write_stop(stop),
        "stop_sequence": choice.stop_sequence,
        "usage": usage_value(response.usage, response.service_tier),
    }
    return msgspec.json.encode(body)


def usage_value(usage: UsageReport | None, tier: str | None) -> dict[str, Any]:
    """The usage object, which clients take for granted: zeros where nothing is known."""
    value = write_usage(usage or UsageReport({}, {}))
    served = write_served_tier(tier)
    return value if served is None else {**value, "service_tier": served}


def _blocks(parts: Sequence[Part]) -> list[dict[str, Any]]:
    return [block for part in parts if (block := _block(part)) is not None]


def _block(part: Part) -> dict[str, Any] | None:
    match part:
        case Text(text=text) if text:
            cited = [dict(c.value) for c in part.citations if c.format == FORMAT]
            return {"type": "text", "text": text, **({"citations": cited} if cited else {})}
        case Refusal(text=text) if text:
            return {"type": "text", "text": text}
        case Reasoning(text=text, signature=signature):
            return {"type": "thinking", "thinking": text, "signature": signature or ""}
        case RedactedReasoning(data=data):
            return {"type": "redacted_thinking", "data": data}
        case ToolCall():
            arguments = answered_arguments(part.arguments)
            name = part.name
            return {"type": "tool_use", "id": tool_id(part.id), "name": name, "input": arguments}
        case Opaque(format="anthropic-messages"):
            return dict(part.value)
        case _:
            return None


def answered_arguments(arguments: str) -> dict[str, Any]:
    """A call's arguments as the object that this format needs.

    A model may write what is no object, or be cut off in it: the text is handed on under the name
    `malformed_arguments`, never dropped.
    """
    if not arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return {"malformed_arguments": arguments}
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"malformed_arguments": arguments}


class _Answer(msgspec.Struct):
    content: Any = None
    usage: Any = None
    error: Any = None


_DECODER = msgspec.json.Decoder(_Answer)


def inspect(body: bytes) -> Inspection:
    """Usage, failure and length of a relayed answer; never raises."""
    try:
        answer = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Inspection(None, NOT_AN_ANSWER, 0)
    usage = read_usage(answer.usage) if isinstance(answer.usage, dict) else None
    try:
        response = read_response(body)
        said = response_chars(response)
        return Inspection(usage, None, said, response.model or None, response.id or None)
    except AnswerUnreadable as unread:
        return Inspection(usage, unread.failure, 0)

"""A whole answer as a chat completion."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tollway_router.canonical.parts import (
    Citation,
    Part,
    Reasoning,
    RedactedReasoning,
    Refusal,
    Text,
    ToolCall,
)
from tollway_router.canonical.response import ChatResponse, Choice
from tollway_router.codecs.codec import Quirks
from tollway_router.codecs.openai_chat.message_reader import FORMAT
from tollway_router.codecs.openai_chat.reasoning import write_reasoning
from tollway_router.codecs.openai_chat.stops import write_stop
from tollway_router.codecs.openai_chat.tiers import write_tier
from tollway_router.codecs.openai_chat.usage import write_usage


def write_response(response: ChatResponse, now: int) -> bytes:
    """The body; `now` stands in where the upstream gives no time of its own.

    Parts that only another format has (server tools' traffic) are left out; the text that the
    model made of them stays.
    """
    body: dict[str, Any] = {
        "id": response.id,
        "object": "chat.completion",
        "created": now if response.created is None else response.created,
        "model": response.model,
        "choices": [_choice(choice) for choice in response.choices],
    }
    if response.usage is not None:
        body["usage"] = write_usage(response.usage)
    if response.service_tier is not None:
        body["service_tier"] = write_tier(response.service_tier)
    return msgspec.json.encode(body)


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "index": choice.index,
        "message": _message(choice.parts),
        "logprobs": None,
        "finish_reason": write_stop(choice.stop),
    }


def _message(parts: Sequence[Part]) -> dict[str, Any]:
    text = "".join(part.text for part in parts if isinstance(part, Text))
    refusal = "".join(part.text for part in parts if isinstance(part, Refusal))
    calls = [part for part in parts if isinstance(part, ToolCall)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if text or not (calls or refusal) else None,
        "refusal": refusal or None,
    }
    reasoning = [p for p in parts if isinstance(p, Reasoning | RedactedReasoning)]
    message.update(write_reasoning(reasoning, Quirks()))
    if annotations := _annotations(parts):
        message["annotations"] = annotations
    if calls:
        message["tool_calls"] = [_call(call) for call in calls]
    return message


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def _annotations(parts: Sequence[Part]) -> list[dict[str, Any]]:
    annotations: list[dict[str, Any]] = []
    end = 0
    for part in parts:
        if isinstance(part, Text):
            start, end = end, end + len(part.text)
            annotations += write_annotations(part.citations, start, end)
    return annotations


def write_annotations(citations: Sequence[Citation], start: int, end: int) -> list[dict[str, Any]]:
    """Citations of web pages for the text from start to end; others have no form here."""
    written = []
    for citation in citations:
        if citation.format == FORMAT:
            written.append(dict(citation.value))
        elif citation.url is not None:
            place = {"start_index": start, "end_index": end}
            cited = {"url": citation.url, "title": citation.title or "", **place}
            written.append({"type": "url_citation", "url_citation": cited})
    return written

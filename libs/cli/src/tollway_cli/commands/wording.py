"""The two formats in which `ask` can speak to the router: bodies out, text and token counts in.

OpenAI's Chat Completions (https://platform.openai.com/docs/api-reference/chat) and Anthropic's
Messages (https://docs.anthropic.com/en/api/messages). Pure: nothing here touches the network.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tollway_cli.api.sse import Event

Object = dict[str, Any]

DEFAULT_MAX_TOKENS = 4096
"""For Anthropic's format, which insists on a number."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    model: str
    prompt: str
    system: str | None
    max_tokens: int | None
    stream: bool


@dataclass(slots=True)
class Reply:
    """What has come so far. `ended` turns true when the format says that nothing follows."""

    text: str = ""
    usage: Object = field(default_factory=dict)
    stopped: str | None = None
    ended: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """One format: where it is served, its headers, and how it reads and writes."""

    path: str
    headers: Callable[[str], Mapping[str, str]]
    body: Callable[[Question], Object]
    whole: Callable[[Object], Reply]
    hear: Callable[[Reply, Event], str]


def error_text(document: object) -> str | None:
    """Return the message in an error of either format, with its code, None where it is none."""
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    code = error.get("code") or error.get("type")
    return f"{error['message']} [{code}]" if code else str(error["message"])


def _bearer(key: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {key}"}


def _chat_body(question: Question) -> Object:
    messages = [{"role": "user", "content": question.prompt}]
    if question.system:
        messages.insert(0, {"role": "system", "content": question.system})
    body: Object = {"model": question.model, "messages": messages}
    if question.max_tokens:
        body["max_tokens"] = question.max_tokens
    if question.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _chat_whole(document: Object) -> Reply:
    choice = _first(document.get("choices"))
    text = _object(choice.get("message")).get("content")
    stopped = choice.get("finish_reason")
    return Reply(_text(text), _object(document.get("usage")), stopped, ended=True)


def _chat_hear(reply: Reply, event: Event) -> str:
    if event.data.strip() == "[DONE]":
        reply.ended = True
        return ""
    document = _parsed(event.data)
    reply.error = error_text(document) or reply.error
    reply.usage = _object(document.get("usage")) or reply.usage
    choice = _first(document.get("choices"))
    reply.stopped = choice.get("finish_reason") or reply.stopped
    piece = _text(_object(choice.get("delta")).get("content"))
    reply.text += piece
    return piece


CHAT = Wording("/v1/chat/completions", _bearer, _chat_body, _chat_whole, _chat_hear)


def _anthropic_headers(key: str) -> Mapping[str, str]:
    return {"x-api-key": key, "anthropic-version": "2023-06-01"}


def _messages_body(question: Question) -> Object:
    body: Object = {
        "model": question.model,
        "max_tokens": question.max_tokens or DEFAULT_MAX_TOKENS,
        "messages": [{"role": "user", "content": question.prompt}],
    }
    if question.system:
        body["system"] = question.system
    if question.stream:
        body["stream"] = True
    return body


def _messages_whole(document: Object) -> Reply:
    blocks = document.get("content")
    parts = [_object(block) for block in blocks] if isinstance(blocks, list) else []
    text = "".join(_text(part.get("text")) for part in parts if part.get("type") == "text")
    return Reply(text, _object(document.get("usage")), document.get("stop_reason"), ended=True)


def _messages_hear(reply: Reply, event: Event) -> str:
    document = _parsed(event.data)
    match document.get("type"):
        case "error":
            reply.error = error_text(document) or "the provider failed"
        case "message_start":
            reply.usage = _object(_object(document.get("message")).get("usage"))
        case "message_delta":
            reply.usage |= _object(document.get("usage"))  # cumulative: the last one holds
            reply.stopped = _object(document.get("delta")).get("stop_reason") or reply.stopped
        case "message_stop":
            reply.ended = True
        case "content_block_delta":
            piece = _text(_object(document.get("delta")).get("text"))
            reply.text += piece
            return piece
        case _:
            pass
    return ""


MESSAGES = Wording(
    "/v1/messages", _anthropic_headers, _messages_body, _messages_whole, _messages_hear
)


def _parsed(text: str) -> Object:
    try:
        return _object(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _object(value: object) -> Object:
    return value if isinstance(value, dict) else {}


def _first(value: object) -> Object:
    return _object(value[0]) if isinstance(value, list) and value else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

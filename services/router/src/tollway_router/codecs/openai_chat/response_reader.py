"""A whole chat completion, read leniently: vendors leave out and add at will."""

from typing import Any

import msgspec

from tollway_router.canonical.failure import AnswerUnreadable, Failure, FailureKind, unreadable
from tollway_router.canonical.parts import (
    Citation,
    Opaque,
    Part,
    Reasoning,
    RedactedReasoning,
    Refusal,
    Text,
    ToolCall,
)
from tollway_router.canonical.response import ChatResponse, Choice, StopReason
from tollway_router.codecs.codec import Quirks
from tollway_router.codecs.openai_chat.errors import error_within
from tollway_router.codecs.openai_chat.message_reader import FORMAT, read_detail, thinking_text
from tollway_router.codecs.openai_chat.stops import read_stop
from tollway_router.codecs.openai_chat.tiers import read_tier
from tollway_router.codecs.openai_chat.usage import Metered, read_usage
from tollway_router.codecs.upstream_error import read_upstream_error

STOPPED_BY_ERROR = Failure(
    FailureKind.UPSTREAM_ERROR, "the upstream stopped amid the answer on an error of its own", 502
)


def read_response(body: bytes) -> ChatResponse:
    """The canonical answer; `AnswerUnreadable` for an error or anything else in its place."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable("the upstream's answer is not JSON") from error
    if not isinstance(value, dict):
        raise unreadable("the upstream's answer is not a chat completion")
    told = error_within(value)
    if told is not None:
        raise AnswerUnreadable(read_upstream_error(200, told))
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices:
        raise unreadable("the upstream's answer has no choices")
    answer_id = text_of(value.get("id"))
    created = value.get("created")
    raw_usage = Metered(value.get("usage"), x_groq=value.get("x_groq")).raw_usage()
    tier = value.get("service_tier")
    return ChatResponse(
        id=answer_id,
        model=text_of(value.get("model")),
        choices=tuple(
            _read_choice(c, i, answer_id) for i, c in enumerate(choices) if isinstance(c, dict)
        ),
        created=created if isinstance(created, int) else None,
        usage=None if raw_usage is None else read_usage(raw_usage, tier, Quirks()),
        service_tier=read_tier(tier),
    )


def _read_choice(choice: dict[str, Any], position: int, answer_id: str) -> Choice:
    message = choice.get("message")
    index = choice.get("index")
    stop = read_stop(choice.get("finish_reason"))
    if stop is StopReason.ERROR:
        raise AnswerUnreadable(STOPPED_BY_ERROR)
    return Choice(
        index=index if isinstance(index, int) else position,
        parts=_read_message(message, answer_id) if isinstance(message, dict) else (),
        stop=stop,
    )


def _read_message(message: dict[str, Any], answer_id: str) -> tuple[Part, ...]:
    thought, said = split_content(message.get("content"))
    citations = read_annotations(message.get("annotations"))
    texts: list[Part] = [Text(said, citations=citations)] if said else []
    refusal = text_of(message.get("refusal"))
    refused: list[Part] = [Refusal(refusal)] if refusal else []
    reasoning = _read_reasoning(message, thought)
    return (*reasoning, *texts, *refused, *_read_calls(message, answer_id))


def _read_reasoning(message: dict[str, Any], thought: str) -> list[Part]:
    """Signed blocks if there are any; they repeat the plain text."""
    blocks = [b for raw in list_of(message.get("thinking_blocks")) if (b := read_thinking(raw))]
    if blocks:
        return list(blocks)
    details = [d for raw in list_of(message.get("reasoning_details")) if (d := read_detail(raw))]
    plain = text_of(message.get("reasoning_content")) or text_of(message.get("reasoning"))
    text = plain or thought
    if any(isinstance(d, Reasoning) and d.text for d in details):
        return list(details)
    return [Reasoning(text), *details] if text else list(details)


def read_thinking(block: Any) -> Reasoning | RedactedReasoning | None:
    """One whole block of signed or encrypted thinking."""
    if not isinstance(block, dict):
        return None
    if block.get("type") == "redacted_thinking":
        return RedactedReasoning(text_of(block.get("data")))
    return Reasoning(text_of(block.get("thinking")), text_of(block.get("signature")) or None)


def _read_calls(message: dict[str, Any], answer_id: str) -> list[Part]:
    calls: list[Part] = []
    for i, call in enumerate(list_of(message.get("tool_calls"))):
        if isinstance(call, dict) and isinstance(call.get("function"), dict):
            calls.append(_read_call(call, i, answer_id))
        elif isinstance(call, dict):
            calls.append(Opaque(FORMAT, text_of(call.get("type")) or "tool_call", call))
    older = message.get("function_call")
    if not calls and isinstance(older, dict) and older.get("name"):
        calls.append(_read_call({"function": older}, 0, answer_id))
    return calls


def _read_call(call: dict[str, Any], position: int, answer_id: str) -> ToolCall:
    function = call["function"]
    return ToolCall(
        id=text_of(call.get("id")) or minted_call_id(answer_id, position),
        name=text_of(function.get("name")),
        arguments=arguments_text(function.get("arguments")),
    )


def minted_call_id(answer_id: str, position: int) -> str:
    """An id for a call that came without one: the same whether streamed or not."""
    return f"call_{answer_id}_{position}"


def arguments_text(value: Any) -> str:
    """Arguments are JSON text; some vendors send the object itself."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def split_content(content: Any) -> tuple[str, str]:
    """Thinking and text of a content: a string, or a list of parts as Mistral answers."""
    if not isinstance(content, list):
        return "", text_of(content)
    parts = [part for part in content if isinstance(part, dict)]
    thought = "".join(thinking_text(p.get("thinking")) for p in parts)
    said = "".join(text_of(p.get("text")) for p in parts if p.get("type") == "text")
    return thought, said


def read_annotations(annotations: Any) -> tuple[Citation, ...]:
    """Citations of web pages."""
    found = []
    for value in list_of(annotations):
        cited = value.get("url_citation") if isinstance(value, dict) else None
        if isinstance(cited, dict):
            url, title = text_of(cited.get("url")) or None, text_of(cited.get("title")) or None
            # The index only numbers it within a stream.
            plain = {k: v for k, v in value.items() if k != "index"}
            found.append(Citation(FORMAT, plain, url, title))
    return tuple(found)


def text_of(value: Any) -> str:
    """A string, or nothing."""
    return value if isinstance(value, str) else ""


def list_of(value: Any) -> list[Any]:
    """A list, or an empty one."""
    return value if isinstance(value, list) else []

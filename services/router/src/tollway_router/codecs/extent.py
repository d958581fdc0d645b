"""How much text a request or an answer holds, for estimates where no provider counted."""

from typing import Any

import msgspec

from tollway_router.canonical.parts import Reasoning, Refusal, Text, ToolCall
from tollway_router.canonical.response import ChatResponse
from tollway_router.codecs.codec import RequestHead

# Where text for the model stands in any chat format; the rest is settings.
_TEXT_FIELDS = ("messages", "system", "tools", "response_format", "output_config")
# Names whose strings are not read as text: content in base64, addresses, ids, labels.
_NOT_TEXT = frozenset(
    {"data", "file_data", "url", "id", "tool_call_id", "tool_use_id", "type", "role", "signature"}
)


def request_chars(head: RequestHead) -> int:
    """Characters of text in a request; field values that are not JSON count by their bytes."""
    return sum(_raw_chars(head.fields[name]) for name in _TEXT_FIELDS if name in head.fields)


def _raw_chars(raw: msgspec.Raw) -> int:
    try:
        return _chars(msgspec.json.decode(raw))
    except (msgspec.DecodeError, RecursionError):
        return len(bytes(raw))


def _chars(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(_chars, value))
    if isinstance(value, dict):
        # Names count too: a schema's are read by the model.
        return sum(len(k) + _chars(v) for k, v in value.items() if k not in _NOT_TEXT)
    return 0


def response_chars(response: ChatResponse) -> int:
    """Characters of text, reasoning, refusals and tool arguments in an answer."""
    return sum(_part_chars(part) for choice in response.choices for part in choice.parts)


def _part_chars(part: object) -> int:
    match part:
        case Text(text=text) | Reasoning(text=text) | Refusal(text=text):
            return len(text)
        case ToolCall(arguments=arguments):
            return len(arguments)
        case _:
            return 0

"""Content blocks of a request."""

import base64
import binascii
import re
from typing import Any, assert_never

import msgspec

from tollway_router.canonical.failure import invalid
from tollway_router.canonical.parts import (
    Base64,
    CacheMark,
    Document,
    FileId,
    Image,
    Opaque,
    Part,
    Plain,
    Reasoning,
    RedactedReasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
    Url,
)
from tollway_router.codecs.losses import Losses

FORMAT = "anthropic-messages"

# Ids here are letters, digits, _ and -; other vendors put dots and colons into theirs.
_NOT_ID = re.compile(r"[^a-zA-Z0-9_-]")
# A vendor's cache breakpoints that are no cache_control.
_HINTS = frozenset({"prompt_cache_breakpoint"})


def cache_value(mark: CacheMark) -> dict[str, str]:
    """A cache marker."""
    ttl = {} if mark.ttl is None else {"ttl": mark.ttl}
    return {"type": "ephemeral", **ttl}


def tool_id(call_id: str) -> str:
    """A call's id as this format allows it; the same for the call and its result."""
    return _NOT_ID.sub("_", call_id)


class BlockWriter:
    """Writes blocks, noting what can't be said."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses

    def write(self, part: Part) -> dict[str, Any] | None:
        """The block, or None if there is nothing to say."""
        match part:
            case Text():
                return self._text(part)
            case Image():
                return self._image(part)
            case Document():
                return self._document(part)
            case ToolCall():
                return self._call(part)
            case ToolResult():
                return self._result(part)
            case Reasoning():
                return self._reasoning(part)
            case RedactedReasoning(data=data):
                own = self._losses.own(part.extras, harmless=_is_label)
                return {"type": "redacted_thinking", "data": data, **own}
            case Refusal(text=text):
                return {"type": "text", "text": text} if text else None
            case Opaque():
                return self._opaque(part)
            case _:
                assert_never(part)

    def _text(self, part: Text) -> dict[str, Any] | None:
        """Empty text is refused by the provider and says nothing."""
        if not part.text:
            return None
        written: dict[str, Any] = {"type": "text", "text": part.text}
        citations = [dict(c.value) for c in part.citations if c.format == FORMAT]
        if citations:
            written["citations"] = citations
        return self._extended(written, part)

    def _extended(
        self, written: dict[str, Any], part: Text | Image | Document | ToolCall | ToolResult
    ) -> dict[str, Any]:
        if part.cache is not None:
            written["cache_control"] = cache_value(part.cache)
        return {**written, **self._losses.own(part.extras, _HINTS)}

    def _image(self, image: Image) -> dict[str, Any] | None:
        if image.detail not in (None, "auto"):
            self._losses.omit(f"{image.at}.image_url.detail")
        source = self._source(image.source, image.at)
        return source and self._extended({"type": "image", "source": source}, image)

    def _document(self, document: Document) -> dict[str, Any] | None:
        source = self._source(_as_document(document.source), document.at)
        if source is None:
            return None
        title = {} if document.name is None else {"title": document.name}
        return self._extended({"type": "document", "source": source, **title}, document)

    def _source(self, source: Source, at: str) -> dict[str, Any] | None:
        match source:
            case Url(url=url):
                return {"type": "url", "url": url}
            case Base64(media_type=media_type, data=data):
                return {"type": "base64", "media_type": media_type, "data": data}
            case Plain(text=text):
                return {"type": "text", "media_type": "text/plain", "data": text}
            case FileId(file_id=file_id, format="anthropic-messages"):
                return {"type": "file", "file_id": file_id}
            case FileId():
                self._losses.cannot(at, "the provider does not hold this file")
                return None
            case _:
                assert_never(source)

    def _call(self, call: ToolCall) -> dict[str, Any]:
        written = {
            "type": "tool_use",
            "id": tool_id(call.id),
            "name": call.name,
            "input": _arguments(call),
        }
        return self._extended(written, call)

    def _result(self, result: ToolResult) -> dict[str, Any]:
        content = [block for part in result.content if (block := self.write(part)) is not None]
        written: dict[str, Any] = {
            "type": "tool_result",
            "tool_use_id": tool_id(result.call_id),
            "content": content,
        }
        if result.is_error is not None:
            written["is_error"] = result.is_error
        return self._extended(written, result)

    def _reasoning(self, part: Reasoning) -> dict[str, Any] | None:
        """Only signed thinking is taken back; without a signature it can only be left out."""
        if part.signature is None:
            self._losses.omit("reasoning")
            return None
        own = self._losses.own(part.extras, harmless=_is_label)
        return {"type": "thinking", "thinking": part.text, "signature": part.signature, **own}

    def _opaque(self, part: Opaque) -> dict[str, Any] | None:
        if part.format == FORMAT:
            return dict(part.value)
        self._losses.cannot(part.at, f"the provider knows no {part.kind} content")
        return None


def _is_label(name: str, _value: Any) -> bool:
    """OpenRouter's labels of a reasoning detail tell of its place there."""
    return name in ("format", "id", "index")


def _as_document(source: Source) -> Source:
    """Base64 is for PDFs here; text in base64 is written as text."""
    if not isinstance(source, Base64) or not source.media_type.startswith("text/"):
        return source
    try:
        return Plain(base64.b64decode(source.data, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        return source


def _arguments(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object; nothing at all means an empty one."""
    if not call.arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, RecursionError):
        value = call.arguments
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{call.at}: must be a JSON object", call.at, "invalid_json")
    return value

"""Content blocks of Messages, in requests and answers alike."""

from typing import Any

import msgspec

from tollway_router.canonical.parts import (
    Base64,
    CacheMark,
    Citation,
    Document,
    FileId,
    Image,
    Opaque,
    Part,
    Plain,
    Reasoning,
    RedactedReasoning,
    Source,
    Text,
    ToolCall,
    ToolResult,
    Url,
)
from tollway_router.codecs.fields import Fields

FORMAT = "anthropic-messages"


def read_blocks(values: list[Any], at: str) -> tuple[Part, ...]:
    """Blocks at a path; refuses what is no block, naming it."""
    return tuple(read_block(Fields(v, f"{at}[{i}]", FORMAT)) for i, v in enumerate(values))


def read_block(block: Fields) -> Part:
    """One block; a kind that only this format has stays as it is."""
    kind = block.need_text("type")
    match kind:
        case "text":
            return Text(
                text=block.need_text("text"),
                cache=read_cache(block),
                citations=_read_citations(block),
                extras=block.extras(),
            )
        case "image":
            return _read_image(block)
        case "document":
            return _read_document(block)
        case "tool_use":
            return _read_tool_use(block)
        case "tool_result":
            return _read_tool_result(block)
        case "thinking":
            text, signature = block.need_text("thinking"), block.text("signature")
            return Reasoning(text, signature or None, extras=block.extras())
        case "redacted_thinking":
            return RedactedReasoning(block.need_text("data"), extras=block.extras())
        case _:
            return Opaque(FORMAT, kind, dict(block.all), at=block.at)


def _read_citations(block: Fields) -> tuple[Citation, ...]:
    return tuple(
        read_citation(value) for value in block.items("citations") if isinstance(value, dict)
    )


def read_citation(value: dict[str, Any]) -> Citation:
    """A citation of any kind; those of web pages have an address."""
    url, title = value.get("url"), value.get("title")
    return Citation(
        FORMAT,
        value,
        url if isinstance(url, str) else None,
        title if isinstance(title, str) else None,
    )


def _read_image(block: Fields) -> Part:
    cache = read_cache(block)
    source = _read_source(block)
    if source is None:
        return Opaque(FORMAT, "image", dict(block.all), at=block.path("source"))
    return Image(source, cache=cache, extras=block.extras(), at=block.path("source"))


def _read_document(block: Fields) -> Part:
    cache, title = read_cache(block), block.text("title")
    source = _read_source(block)
    if source is None:
        return Opaque(FORMAT, "document", dict(block.all), at=block.path("source"))
    return Document(source, title, cache, extras=block.extras(), at=block.path("source"))


def _read_source(block: Fields) -> Source | None:
    """The source; None for a kind that only this format has (blocks as a document)."""
    source = block.object("source")
    if source is None:
        block.wrong("source", "an object")
    match source.need_text("type"):
        case "base64":
            return Base64(source.need_text("media_type"), source.need_text("data"))
        case "url":
            return Url(source.need_text("url"))
        case "file":
            return FileId(source.need_text("file_id"), FORMAT)
        case "text":
            return Plain(source.need_text("data"))
        case _:
            return None


def _read_tool_use(block: Fields) -> ToolCall:
    call = block.mapping("input")
    return ToolCall(
        id=block.need_text("id"),
        name=block.need_text("name"),
        arguments=msgspec.json.encode(call or {}).decode(),
        cache=read_cache(block),
        extras=block.extras(),
        at=block.path("input"),
    )


def _read_tool_result(block: Fields) -> ToolResult:
    content = block.any("content")
    at = block.path("content")
    if isinstance(content, str):
        parts: tuple[Part, ...] = (Text(content),)
    elif content is None or isinstance(content, list):
        parts = read_blocks(content or [], at)
    else:
        block.wrong("content", "a string or a list of blocks")
    allowed = tuple(p for p in parts if isinstance(p, Text | Image | Document | Opaque))
    if len(allowed) != len(parts):
        block.wrong("content", "text, images or documents in a tool's result")
    return ToolResult(
        call_id=block.need_text("tool_use_id"),
        content=allowed,
        is_error=block.flag("is_error"),
        cache=read_cache(block),
        extras=block.extras(),
        at=block.at,
    )


def read_cache(block: Fields) -> CacheMark | None:
    """A prompt-cache breakpoint."""
    mark = block.object("cache_control")
    return None if mark is None else CacheMark(mark.text("ttl"))

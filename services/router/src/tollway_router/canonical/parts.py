"""The pieces that messages and answers are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CacheMark:
    """A prompt-cache breakpoint; `ttl` as in '5m' or '1h', None for the provider's default."""

    ttl: str | None = None


@dataclass(frozen=True, slots=True)
class Extras:
    """Fields that only one wire format has, kept verbatim for that format alone."""

    format: str
    fields: Mapping[str, Any]
    at: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Url:
    """Content that the provider fetches."""

    url: str


@dataclass(frozen=True, slots=True)
class Base64:
    """Content in the message itself."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class FileId:
    """Content stored at a provider before; only providers of that format know the id."""

    file_id: str
    format: str


@dataclass(frozen=True, slots=True)
class Plain:
    """A document that is plain text."""

    text: str


Source = Url | Base64 | FileId | Plain


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a text comes from; `value` is the format's own object, verbatim."""

    format: str
    value: Mapping[str, Any]
    url: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text."""

    text: str
    cache: CacheMark | None = None
    citations: tuple[Citation, ...] = ()
    extras: Extras | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture; `at` is where the client's request has it."""

    source: Source
    detail: str | None = None
    cache: CacheMark | None = None
    extras: Extras | None = None
    at: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Document:
    """A file to read, a PDF above all."""

    source: Source
    name: str | None = None
    cache: CacheMark | None = None
    extras: Extras | None = None
    at: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool called; `arguments` is JSON text, possibly cut or empty."""

    id: str
    name: str
    arguments: str
    cache: CacheMark | None = None
    extras: Extras | None = None
    at: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The model's thinking; `signature` lets its provider recognise it when it comes back."""

    text: str
    signature: str | None = None
    extras: Extras | None = None


@dataclass(frozen=True, slots=True)
class RedactedReasoning:
    """Thinking that the provider shows only encrypted; goes back unmodified."""

    data: str
    extras: Extras | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model's own words of refusal, where a format keeps them apart from text."""

    text: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """A piece that only `format` has (audio, server tools...), verbatim under its name `kind`."""

    format: str
    kind: str
    value: Mapping[str, Any]
    at: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back to the model."""

    call_id: str
    content: "tuple[Text | Image | Document | Opaque, ...]"
    is_error: bool | None = None
    cache: CacheMark | None = None
    extras: Extras | None = None
    at: str = field(default="", compare=False)


Part = (
    Text
    | Image
    | Document
    | ToolCall
    | ToolResult
    | Reasoning
    | RedactedReasoning
    | Refusal
    | Opaque
)

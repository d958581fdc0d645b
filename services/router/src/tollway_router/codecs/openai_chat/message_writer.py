"""Turns as chat completions messages."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar, assert_never

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
    Text,
    ToolCall,
    ToolResult,
    Url,
)
from tollway_router.canonical.request import Message
from tollway_router.codecs.codec import Quirks
from tollway_router.codecs.losses import Losses
from tollway_router.codecs.openai_chat.reasoning import write_reasoning

FORMAT = "openai-chat"

_Kind = TypeVar("_Kind")


def cache_value(mark: CacheMark) -> dict[str, str]:
    """A cache marker as vendors of this format take it."""
    ttl = {} if mark.ttl is None else {"ttl": mark.ttl}
    return {"type": "ephemeral", **ttl}


class MessageWriter:
    """Writes the turns of one request, noting what can't be said."""

    def __init__(self, quirks: Quirks, losses: Losses) -> None:
        self._quirks = quirks
        self._losses = losses

    def system(self, parts: Sequence[Text]) -> list[dict[str, Any]]:
        """The system prompt as one message, or none."""
        if not parts:
            return []
        return [{"role": "system", "content": self._content(parts)}]

    def turns(self, messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
        """The messages of all turns."""
        for message in messages:
            own = dict(self._losses.own(message.extras))
            match message.role:
                case "assistant":
                    yield from self._assistant(message, own)
                case "user":
                    yield from self._user(message, own)
                case "system":
                    content = self._content(message.parts)
                    if content:
                        yield {"role": "system", "content": content, **own}
                case _:
                    assert_never(message.role)

    def _user(self, message: Message, own: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Tool results become messages of their own, ahead of what else the turn says.

        A tool message holds text only, so a result's pictures and files follow as user content.
        """
        results = _only(message.parts, ToolResult)
        rest: list[Part] = [p for p in message.parts if not isinstance(p, ToolResult)]
        shown: list[Part] = []
        for result in results:
            yield self._tool_message(result)
            pictures = [p for p in result.content if isinstance(p, Image | Document)]
            if pictures:
                shown += [Text(f"Content of the result of tool call {result.call_id}:"), *pictures]
        if shown or rest or not results:
            yield {"role": "user", "content": self._content([*shown, *rest]), **own}

    def _tool_message(self, result: ToolResult) -> dict[str, Any]:
        """The format has no word for a failed call: its text says so."""
        content = self._content([p for p in result.content if isinstance(p, Text | Opaque)])
        if result.is_error:
            content = _failed(content)
        message = {"role": "tool", "tool_call_id": result.call_id, "content": content}
        self._mark(message, result.cache)
        return {**message, **self._losses.own(result.extras, harmless=_says_nothing)}

    def _assistant(self, message: Message, own: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if message.prefill and not self._quirks.prefill:
            self._losses.cannot(message.at, "the provider can't go on from a begun answer")
            return
        written: dict[str, Any] = {"role": "assistant"}
        said = [p for p in message.parts if isinstance(p, Text | Image | Document | Opaque)]
        content = self._content([p for p in said if not _is_call(p)])
        calls = [self._call(p) for p in _only(message.parts, ToolCall)]
        calls += [dict(p.value) for p in _only(said, Opaque) if _is_call(p)]
        written["content"] = content or (None if calls else "")
        if refusal := "".join(p.text for p in message.parts if isinstance(p, Refusal)):
            written["refusal"] = refusal
        self._write_reasoning(written, message.parts)
        if calls:
            written["tool_calls"] = calls
        if message.prefill:
            written["prefix"] = True
        yield {**written, **own}

    def _write_reasoning(self, written: dict[str, Any], parts: Sequence[Part]) -> None:
        reasoning = [p for p in parts if isinstance(p, Reasoning | RedactedReasoning)]
        if not reasoning:
            return
        if self._quirks.reasoning_in_requests:
            written.update(write_reasoning(reasoning, self._quirks))
        else:
            self._losses.omit(self._quirks.reasoning_field)

    def _call(self, call: ToolCall) -> dict[str, Any]:
        function = {"name": call.name, "arguments": call.arguments or "{}"}
        own = self._losses.own(call.extras, harmless=_says_nothing)
        written: dict[str, Any] = {"id": call.id, "type": "function", "function": function}
        if call.cache is not None:
            self._losses.omit("cache_control")
        return {**written, **own}

    def _content(self, parts: Sequence[Part]) -> Any:
        """A plain string where that says it all, else a list of parts."""
        if not parts:
            return ""
        written = [value for part in parts if (value := self._part(part)) is not None]
        if len(written) == 1 and set(written[0]) == {"type", "text"}:
            return written[0]["text"]
        return written

    def _part(self, part: Part) -> dict[str, Any] | None:
        match part:
            case Text():
                return self._extended({"type": "text", "text": part.text}, part)
            case Image():
                return self._image(part)
            case Document():
                return self._document(part)
            case Opaque():
                if part.format == FORMAT:
                    return dict(part.value)
                self._losses.cannot(part.at, f"the provider knows no {part.kind} content")
                return None
            case Refusal(text=text):
                return {"type": "refusal", "refusal": text}
            case ToolCall() | ToolResult() | Reasoning() | RedactedReasoning():
                return None
            case _:
                assert_never(part)

    def _extended(self, written: dict[str, Any], part: Text | Image | Document) -> dict[str, Any]:
        self._mark(written, part.cache)
        return {**written, **self._losses.own(part.extras, harmless=_says_nothing)}

    def _mark(self, written: dict[str, Any], mark: CacheMark | None) -> None:
        if mark is None:
            return
        if self._quirks.cache_control:
            written["cache_control"] = cache_value(mark)
        else:
            self._losses.omit("cache_control")

    def _image(self, image: Image) -> dict[str, Any] | None:
        match image.source:
            case Url(url=url):
                pass
            case Base64(media_type=media_type, data=data):
                url = f"data:{media_type};base64,{data}"
            case FileId() | Plain():
                self._losses.cannot(image.at, "the provider can't read this source")
                return None
            case _:
                assert_never(image.source)
        detail = {} if image.detail is None else {"detail": image.detail}
        return self._extended({"type": "image_url", "image_url": {"url": url, **detail}}, image)

    def _document(self, document: Document) -> dict[str, Any] | None:
        """A PDF as a file; plain text as text, its name on a line before it."""
        match document.source:
            case Plain(text=text):
                named = text if document.name is None else f"{document.name}\n\n{text}"
                return self._extended({"type": "text", "text": named}, document)
            case Base64(media_type=media_type, data=data):
                name = document.name or "document.pdf"
                file = {"filename": name, "file_data": f"data:{media_type};base64,{data}"}
            case FileId(file_id=file_id, format="openai-chat"):
                file = {"file_id": file_id}
            case FileId() | Url():
                self._losses.cannot(document.at, "the provider can't read this source")
                return None
            case _:
                assert_never(document.source)
        return self._extended({"type": "file", "file": file}, document)


def _only(parts: Sequence[Part], kind: type[_Kind]) -> list[_Kind]:
    return [part for part in parts if isinstance(part, kind)]


def _says_nothing(name: str, value: Any) -> bool:
    """What a client only echoes from an answer (who called a tool), or a feature switched off."""
    return name == "caller" or value == {"enabled": False}


def _is_call(part: Part) -> bool:
    """A tool call that only this format knows; it stands among the calls."""
    return isinstance(part, Opaque) and part.format == FORMAT and ".tool_calls[" in part.at


def _failed(content: Any) -> Any:
    if isinstance(content, str):
        return f"Error: {content}"
    return [{"type": "text", "text": "Error: "}, *content]

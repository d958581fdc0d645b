"""Messages of a chat completions request, read one by one."""

from typing import Any

from tollway_router.canonical.failure import invalid
from tollway_router.canonical.parts import (
    Base64,
    CacheMark,
    Document,
    Extras,
    FileId,
    Image,
    Opaque,
    Part,
    Reasoning,
    RedactedReasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
    Url,
)
from tollway_router.canonical.request import Message, Role
from tollway_router.codecs.fields import Fields

FORMAT = "openai-chat"


def read_message(message: Fields) -> Message:
    """One message of any role."""
    role = message.need_text("role")
    if role == "assistant":
        return _read_assistant(message)
    if role == "tool":
        return _read_tool_message(message)
    if role not in ("system", "developer", "user"):
        message.wrong("role", "system, developer, user, assistant or tool")
    plain: Role = "user" if role == "user" else "system"
    return Message(plain, _read_content(message), extras=message.extras(), at=message.at)


def _read_assistant(message: Fields) -> Message:
    """Reasoning first, then what was said, then the calls: the order in which models answer."""
    prefill = message.flag("prefix") or False
    # A client that echoes an answer sends these back; they say nothing to the model.
    message.skip("annotations", "index")
    for echoed in ("audio", "function_call"):
        if not message.all.get(echoed):
            message.skip(echoed)
    reasoning = read_reasoning(message)
    content = _read_content(message, required=False)
    refusal = message.text("refusal")
    refused = (Refusal(refusal),) if refusal else ()
    calls = tuple(
        _read_call(Fields(call, message.path(f"tool_calls[{i}]"), FORMAT))
        for i, call in enumerate(message.items("tool_calls"))
    )
    parts = (*reasoning, *content, *refused, *calls)
    return Message("assistant", parts, prefill=prefill, extras=message.extras(), at=message.at)


def read_reasoning(message: Fields) -> tuple[Part, ...]:
    """Thinking in any of its places: signed blocks, OpenRouter's details, or plain text."""
    text = message.text("reasoning_content")
    other_name = message.text("reasoning")
    blocks = message.items("thinking_blocks")
    details = message.items("reasoning_details")
    if blocks:
        at = message.path("thinking_blocks")
        return tuple(_read_block(Fields(b, f"{at}[{i}]", FORMAT)) for i, b in enumerate(blocks))
    signed = tuple(part for detail in details if (part := read_detail(detail)) is not None)
    if any(isinstance(part, Reasoning) and part.text for part in signed):
        return signed
    plain = text or other_name
    return (Reasoning(plain), *signed) if plain else signed


def _read_block(block: Fields) -> Reasoning | RedactedReasoning:
    if block.text("type") == "redacted_thinking":
        return RedactedReasoning(block.need_text("data"))
    return Reasoning(block.need_text("thinking"), block.text("signature") or None)


def read_detail(detail: Any) -> Reasoning | RedactedReasoning | None:
    """One of OpenRouter's reasoning details; its labels are kept for the way back."""
    if not isinstance(detail, dict):
        return None
    labels = {k: detail[k] for k in ("format", "id", "index") if detail.get(k) is not None}
    extras = Extras(FORMAT, labels) if labels else None
    match detail.get("type"):
        case "reasoning.text":
            return Reasoning(detail.get("text") or "", detail.get("signature") or None, extras)
        case "reasoning.encrypted" if isinstance(detail.get("data"), str):
            return RedactedReasoning(detail["data"], extras)
        case _:
            return None


def _read_call(call: Fields) -> ToolCall | Opaque:
    kind = call.text("type") or "function"
    if kind != "function":
        return Opaque(FORMAT, kind, dict(call.all), at=call.at)
    call.skip("index")
    function = call.object("function")
    if function is None:
        call.wrong("function", "an object")
    return ToolCall(
        id=call.need_text("id"),
        name=function.need_text("name"),
        arguments=function.text("arguments") or "",
        extras=call.extras(),
        at=function.path("arguments"),
    )


def _read_tool_message(message: Fields) -> Message:
    """A result, as a user turn of its own; writers merge turns. `name` only repeats the call's."""
    call_id = message.need_text("tool_call_id")
    message.skip("name")
    cache = read_cache(message)
    content: list[Text | Image | Document | Opaque] = []
    for part in _read_content(message):
        if not isinstance(part, Text | Image | Document | Opaque):
            message.wrong("content", "text, images or files in a tool's result")
        content.append(part)
    result = ToolResult(
        call_id, tuple(content), cache=cache, extras=message.extras(), at=message.at
    )
    return Message("user", (result,), at=message.at)


def _read_content(message: Fields, *, required: bool = True) -> tuple[Part, ...]:
    content = message.any("content")
    if isinstance(content, str):
        return (Text(content, cache=read_cache(message)),) if content or required else ()
    if content is None:
        if required:
            path = message.path("content")
            raise invalid(f"{path}: the field is required", path, "missing_required_parameter")
        return ()
    if not isinstance(content, list):
        message.wrong("content", "a string or a list of parts")
    at = message.path("content")
    return tuple(_read_part(Fields(p, f"{at}[{i}]", FORMAT)) for i, p in enumerate(content))


def _read_part(part: Fields) -> Part:
    kind = part.need_text("type")
    match kind:
        case "text":
            return Text(part.need_text("text"), cache=read_cache(part), extras=part.extras())
        case "image_url":
            return _read_image(part)
        case "file":
            return _read_file(part)
        case "refusal":
            return Refusal(part.need_text("refusal"))
        case "thinking":
            return Reasoning(thinking_text(part.any("thinking")))
        case _:
            return Opaque(FORMAT, kind, dict(part.all), at=part.path(kind))


def _read_image(part: Fields) -> Image | Opaque:
    cache = read_cache(part)
    image = part.object("image_url")
    if image is None:
        part.wrong("image_url", "an object with a url")
    source, detail = _data_url(image.need_text("url")), image.text("detail")
    if unknown := image.extras():
        return Opaque(FORMAT, "image_url", dict(part.all), at=unknown.at)
    return Image(source, detail, cache, extras=part.extras(), at=part.at)


def _read_file(part: Fields) -> Part:
    """A file in the message; a data URL without a type is taken for a PDF."""
    cache = read_cache(part)
    file = part.object("file")
    if file is None:
        part.wrong("file", "an object")
    name, data, file_id = file.text("filename"), file.text("file_data"), file.text("file_id")
    if file_id is not None:
        source: Source = FileId(file_id, FORMAT)
    elif data is not None:
        source = _data_url(data)
    else:
        file.wrong("file_data", "a string")
    if isinstance(source, Url) and not source.url.startswith(("http://", "https://")):
        source = Base64("application/pdf", source.url)
    return Document(
        source, name, cache, extras=file.extras() or part.extras(), at=part.path("file")
    )


def _data_url(url: str) -> Source:
    """`data:<type>;base64,<data>` taken apart; anything else is an address."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return Url(url)
    return Base64(head[len("data:") : -len(";base64")].split(";")[0], data)


def thinking_text(value: Any) -> str:
    """Mistral's thinking: a list of text parts; elsewhere a plain string."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    return "".join(str(one.get("text") or "") for one in value if isinstance(one, dict))


def read_cache(fields: Fields) -> CacheMark | None:
    """The `cache_control` that this gateway, like others, takes on parts and tools."""
    mark = fields.object("cache_control")
    return None if mark is None else CacheMark(mark.text("ttl"))

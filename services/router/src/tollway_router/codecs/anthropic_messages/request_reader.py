"""A client's Messages request, read whole."""

from typing import Any

from tollway_router.canonical.failure import invalid
from tollway_router.canonical.parts import Extras, Opaque, Text
from tollway_router.canonical.request import (
    ChatRequest,
    JsonFormat,
    Message,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
)
from tollway_router.codecs.anthropic_messages.block_reader import (
    FORMAT,
    read_blocks,
    read_cache,
)
from tollway_router.codecs.anthropic_messages.tiers import read_request_tier
from tollway_router.codecs.codec import RequestHead
from tollway_router.codecs.fields import Fields
from tollway_router.codecs.head import whole_request

_CHOICES = {"auto": "auto", "any": "required", "none": "none", "tool": "named"}


def read_request(head: RequestHead) -> ChatRequest:
    """The canonical request; refuses what breaks the format, naming the field."""
    fields = Fields(whole_request(head), "", FORMAT)
    fields.skip("model", "stream")
    choice, parallel = _read_tool_choice(fields)
    output, thought = fields.object("output_config"), fields.object("thinking")
    thinking = _read_thinking(thought, output.text("effort") if output else None)
    wanted = _read_response_format(fields, output)
    _read_metadata(fields)
    return ChatRequest(
        model=head.model,
        messages=_read_messages(fields),
        system=_read_system(fields),
        tools=tuple(
            _read_tool(Fields(tool, f"tools[{i}]", FORMAT))
            for i, tool in enumerate(fields.items("tools"))
        ),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        sampling=_read_sampling(fields),
        response_format=wanted,
        thinking=thinking,
        cache=read_cache(fields),
        service_tier=read_request_tier(fields.text("service_tier")),
        user=head.user,
        stream=head.stream,
        wants_stream_usage=True,
        extras=_extras(fields, output, thought),
    )


def _extras(fields: Fields, *nested: Fields | None) -> Extras | None:
    """What nobody read, also inside of objects that were read."""
    left = dict(extras.fields) if (extras := fields.extras()) else {}
    for inner in nested:
        if inner is not None and (extras := inner.extras()):
            left[inner.at] = extras.fields
    return Extras(FORMAT, left) if left else None


def _read_metadata(fields: Fields) -> None:
    """The head has the user; anything else in there is not documented and stays."""
    metadata = fields.all.get("metadata")
    if isinstance(metadata, dict) and set(metadata) <= {"user_id"}:
        fields.skip("metadata")


def _read_system(fields: Fields) -> tuple[Text, ...]:
    system = fields.all.get("system")
    if isinstance(system, str):
        fields.skip("system")
        return (Text(system),)
    parts = read_blocks(fields.items("system"), "system")
    texts = tuple(part for part in parts if isinstance(part, Text))
    if len(texts) != len(parts):
        fields.wrong("system", "a string or a list of text blocks")
    return texts


def _read_messages(fields: Fields) -> tuple[Message, ...]:
    if not fields.has("messages"):
        fields.wrong("messages", "a list of messages")
    messages = [
        _read_message(Fields(value, f"messages[{i}]", FORMAT))
        for i, value in enumerate(fields.items("messages"))
    ]
    if messages and _is_prefill(messages[-1]):
        last = messages[-1]
        messages[-1] = Message(last.role, last.parts, True, last.extras, last.at)
    return tuple(messages)


def _is_prefill(message: Message) -> bool:
    """A last turn of the assistant that ends in text is the beginning of the answer."""
    return (
        message.role == "assistant" and bool(message.parts) and isinstance(message.parts[-1], Text)
    )


def _read_message(message: Fields) -> Message:
    role = message.need_text("role")
    if role not in ("user", "assistant", "system"):
        message.wrong("role", "user or assistant")
    content = message.all.get("content")
    if isinstance(content, str):
        message.skip("content")
        parts: tuple[Any, ...] = (Text(content),) if content or role == "user" else ()
    elif isinstance(content, list):
        parts = read_blocks(message.items("content"), message.path("content"))
    else:
        message.wrong("content", "a string or a list of blocks")
    return Message(role, parts, extras=message.extras(), at=message.at)  # type: ignore[arg-type]


def _read_tool(tool: Fields) -> Tool | Opaque:
    """A function of the client's, or a tool that runs at the provider."""
    kind = tool.text("type") or "custom"
    if kind != "custom":
        return Opaque(FORMAT, kind, dict(tool.all), at=tool.at)
    return Tool(
        name=tool.need_text("name"),
        description=tool.text("description"),
        schema=tool.mapping("input_schema"),
        strict=tool.flag("strict"),
        cache=read_cache(tool),
        extras=tool.extras(),
    )


def _read_tool_choice(fields: Fields) -> tuple[ToolChoice | Opaque | None, bool | None]:
    choice = fields.object("tool_choice")
    if choice is None:
        return None, None
    kind = choice.need_text("type")
    if kind not in _CHOICES:
        choice.wrong("type", "auto, any, tool or none")
    alone = choice.flag("disable_parallel_tool_use")
    parallel = None if alone is None else not alone
    if kind == "tool":
        return ToolChoice("named", choice.need_text("name")), parallel
    return ToolChoice(_CHOICES[kind]), parallel  # type: ignore[arg-type]


def _read_sampling(fields: Fields) -> Sampling:
    limit = fields.whole("max_tokens")
    if limit is None:
        raise invalid(
            "max_tokens: the field is required", "max_tokens", "missing_required_parameter"
        )
    return Sampling(
        max_output_tokens=limit,
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.whole("top_k"),
        stop=fields.texts("stop_sequences"),
    )


def _read_response_format(fields: Fields, output: Fields | None) -> JsonFormat | None:
    """`output_config.format`, or `output_format` as it was called before."""
    wanted = (output.object("format") if output else None) or fields.object("output_format")
    if wanted is None:
        return None
    if wanted.text("type") != "json_schema":
        wanted.wrong("type", "json_schema")
    schema = wanted.mapping("schema")
    if schema is None:
        wanted.wrong("schema", "an object")
    return JsonFormat(schema=schema, strict=True)


def _read_thinking(thinking: Fields | None, effort: str | None) -> Thinking | None:
    if thinking is None:
        return None if effort is None else Thinking(effort=effort)
    kind = thinking.need_text("type")
    if kind not in ("enabled", "disabled", "adaptive"):
        thinking.wrong("type", "enabled, disabled or adaptive")
    return Thinking(
        enabled=kind != "disabled",
        effort=effort,
        budget=thinking.whole("budget_tokens"),
        adaptive=kind == "adaptive",
        display=thinking.text("display"),
    )

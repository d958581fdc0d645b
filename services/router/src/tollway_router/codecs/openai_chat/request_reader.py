"""A client's chat completions request, read whole."""

from typing import Any

from tollway_router.canonical.parts import Opaque, Text
from tollway_router.canonical.request import (
    ChatRequest,
    JsonFormat,
    Message,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
)
from tollway_router.codecs.codec import RequestHead
from tollway_router.codecs.fields import Fields
from tollway_router.codecs.head import whole_request
from tollway_router.codecs.openai_chat.message_reader import read_cache, read_message
from tollway_router.codecs.openai_chat.tiers import read_tier

FORMAT = "openai-chat"


def read_request(head: RequestHead) -> ChatRequest:
    """The canonical request; refuses what breaks the format, naming the field."""
    fields = Fields(whole_request(head), "", FORMAT)
    # The head has them; safety_identifier is what OpenAI calls the user lately.
    fields.skip("model", "stream", "user" if fields.has("user") else "safety_identifier")
    system, messages = _read_messages(fields)
    _read_stream_options(fields)
    return ChatRequest(
        model=head.model,
        messages=messages,
        system=system,
        tools=tuple(
            _read_tool(Fields(tool, f"tools[{i}]", FORMAT))
            for i, tool in enumerate(fields.items("tools"))
        ),
        tool_choice=_read_tool_choice(fields),
        parallel_tool_calls=fields.flag("parallel_tool_calls"),
        sampling=_read_sampling(fields),
        response_format=_read_response_format(fields),
        thinking=_read_thinking(fields),
        cache=read_cache(fields),
        service_tier=read_tier(fields.text("service_tier")),
        user=head.user,
        stream=head.stream,
        wants_stream_usage=head.wants_stream_usage,
        extras=fields.extras(),
    )


def _read_messages(fields: Fields) -> tuple[tuple[Text, ...], tuple[Message, ...]]:
    """Leading system messages as the system prompt, and the turns after them."""
    if not fields.has("messages"):
        fields.wrong("messages", "a list of messages")
    messages = [
        read_message(Fields(value, f"messages[{i}]", FORMAT))
        for i, value in enumerate(fields.items("messages"))
    ]
    lead = 0
    while lead < len(messages) and _is_plain_system(messages[lead]):
        lead += 1
    system = (part for message in messages[:lead] for part in message.parts)
    return tuple(p for p in system if isinstance(p, Text)), tuple(messages[lead:])


def _is_plain_system(message: Message) -> bool:
    """A system message that is no more than text: one with a name or such keeps its place."""
    texts = all(isinstance(part, Text) for part in message.parts)
    return message.role == "system" and texts and message.extras is None


def _read_stream_options(fields: Fields) -> None:
    """The head has include_usage; the other options mean nothing without it in other formats."""
    options = fields.all.get("stream_options")
    if isinstance(options, dict) and set(options) <= {"include_usage"}:
        fields.skip("stream_options")


def _read_tool(tool: Fields) -> Tool | Opaque:
    """A function, or a tool that only this format knows (custom tools, vendors' own)."""
    kind = tool.text("type") or "function"
    if kind != "function" or not tool.has("function"):
        return Opaque(FORMAT, kind, dict(tool.all), at=tool.at)
    function = tool.object("function")
    assert function is not None  # noqa: S101 (has() said so)
    cache = read_cache(tool)
    function.skip("type")
    read = Tool(
        name=function.need_text("name"),
        description=function.text("description"),
        schema=function.mapping("parameters"),
        strict=function.flag("strict"),
        cache=cache,
        extras=tool.extras(),
    )
    unknown = function.extras()
    return Opaque(FORMAT, kind, dict(tool.all), at=unknown.at) if unknown else read


def _read_tool_choice(fields: Fields) -> ToolChoice | Opaque | None:
    choice = fields.any("tool_choice")
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice in ("auto", "none", "required"):
            return ToolChoice(choice)  # type: ignore[arg-type]
        if choice == "any":  # Mistral's word
            return ToolChoice("required")
        fields.wrong("tool_choice", "auto, none, required, or an object that names a tool")
    named = Fields(choice, "tool_choice", FORMAT)
    kind = named.text("type")
    if kind == "function" or (kind is None and named.has("function")):
        function = named.object("function")
        name = named.need_text("name") if function is None else function.need_text("name")
        return ToolChoice("named", name)
    return Opaque(FORMAT, kind or "object", choice, at="tool_choice")


def _read_sampling(fields: Fields) -> Sampling:
    old_limit, limit = fields.whole("max_tokens"), fields.whole("max_completion_tokens")
    return Sampling(
        max_output_tokens=old_limit if limit is None else limit,
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.whole("top_k"),
        stop=_read_stop(fields),
        seed=fields.whole("seed"),
        n=fields.whole("n"),
        frequency_penalty=fields.number("frequency_penalty"),
        presence_penalty=fields.number("presence_penalty"),
        logprobs=fields.flag("logprobs"),
        top_logprobs=fields.whole("top_logprobs"),
    )


def _read_stop(fields: Fields) -> tuple[str, ...]:
    if isinstance(fields.all.get("stop"), str):
        return (fields.need_text("stop"),)
    return fields.texts("stop")


def _read_response_format(fields: Fields) -> JsonFormat | None:
    wanted = fields.object("response_format")
    if wanted is None:
        return None
    kind = wanted.text("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return JsonFormat()
    if kind != "json_schema":
        wanted.wrong("type", "text, json_object or json_schema")
    described = wanted.object("json_schema")
    if described is None:
        wanted.wrong("json_schema", "an object")
    return JsonFormat(
        schema=described.mapping("schema") or {},
        name=described.text("name"),
        description=described.text("description"),
        strict=described.flag("strict"),
    )


def _read_thinking(fields: Fields) -> Thinking | None:
    """`reasoning_effort`, or OpenRouter's `reasoning` with an effort, a budget or a switch."""
    effort = fields.text("reasoning_effort")
    spelled: Any = fields.all.get("reasoning")
    known = isinstance(spelled, dict) and set(spelled) <= {"effort", "max_tokens", "enabled"}
    wanted = fields.object("reasoning") if known else None
    if wanted is None:
        return None if effort is None else Thinking(enabled=effort != "none", effort=effort)
    effort = wanted.text("effort") or effort
    budget, enabled = wanted.whole("max_tokens"), wanted.flag("enabled")
    on = enabled is not False and effort != "none"
    return Thinking(enabled=on, effort=effort, budget=budget)

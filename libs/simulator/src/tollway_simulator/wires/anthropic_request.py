"""What a Messages request asks for.

Sources: https://docs.anthropic.com/en/api/messages and .../build-with-claude/prompt-caching
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from tollway_simulator.arrival import Arrival
from tollway_simulator.ask import MEDIA_SIZE, Ask, Segment, Tool, text_segment
from tollway_simulator.refusal import Refusal
from tollway_simulator.wires.anthropic_rules import check_messages
from tollway_simulator.wires.anthropic_shape import Block, CacheControl, Message, ToolOffer

_THINKING_TOKENS = 32
_EFFORT_TOKENS = {"low": 16, "medium": 32, "high": 64, "xhigh": 96, "max": 128}


class _ToolChoice(msgspec.Struct):
    type: str
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class _Format(msgspec.Struct):
    type: str
    schema: dict[str, Any] | None = None


class _OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: _Format | None = None


class _MessagesRequest(msgspec.Struct):
    model: str
    messages: list[Message]
    max_tokens: int | None = None
    system: str | list[Block] | None = None
    stream: bool | None = False
    stop_sequences: list[str] | None = None
    tools: list[ToolOffer] | None = None
    tool_choice: _ToolChoice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None
    cache_control: CacheControl | None = None


class MessagesReader:
    """Turns a request body into an `Ask`."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_MessagesRequest)

    def read(self, arrival: Arrival) -> Ask:
        """Understand a request for an answer, or refuse it in Anthropic's words."""
        request = self._decode(arrival.body)
        if request.max_tokens is None:
            raise Refusal(400, message="max_tokens: Field required")
        if request.max_tokens < 0:
            text = "max_tokens: Input should be greater than or equal to 0"
            raise Refusal(400, message=text)
        check_messages(request.messages)
        return _ask(request, "marked")

    def read_counting(self, arrival: Arrival) -> Ask:
        """Understand a request that only wants its input counted."""
        request = self._decode(arrival.body)
        check_messages(request.messages)
        return _ask(request, "none")

    def _decode(self, body: bytes) -> _MessagesRequest:
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"The request body is not valid JSON: {error}"
            raise Refusal(400, message=message) from None


def _invalid(error: str) -> Refusal:
    """msgspec names the place as `$.messages[0].role`, Anthropic as `messages.0.role`."""
    text, _, place = error.partition(" - at `$.")
    where = place.rstrip("`").replace("[", ".").replace("]", "")
    missing = text.partition("required field `")[2].rstrip("`")
    if missing:
        where = f"{where}.{missing}" if where else missing
        return Refusal(400, message=f"{where}: Field required")
    return Refusal(400, message=f"{where}: {text}" if where else text)


def _ask(request: _MessagesRequest, cache_rule: Literal["marked", "none"]) -> Ask:
    config = request.output_config
    wanted = (config and config.format) or request.output_format
    choice = request.tool_choice
    return Ask(
        model=request.model,
        stream=bool(request.stream),
        segments=_segments(request),
        prompt=_last_prompt(request.messages),
        from_tool=_ends_with_tool_result(request.messages),
        cache_rule=cache_rule,
        tools=[_tool(tool) for tool in request.tools or () if tool.is_client_side],
        tool_choice=_tool_choice(choice),
        parallel_tools=not (choice and choice.disable_parallel_tool_use),
        schema=wanted.schema or {} if wanted else None,
        max_tokens=request.max_tokens,
        stops=tuple(request.stop_sequences or ()),
        think=_think(request),
        hide_thoughts=request.thinking is not None and request.thinking.display == "omitted",
    )


def _segments(request: _MessagesRequest) -> list[Segment]:
    """Tools, system, messages: the order in which a cached prefix is built."""
    segments = [*_tool_segments(request.tools or ()), *_content(request.system)]
    for message in request.messages:
        segments.extend(_content(message.content))
    if request.cache_control is not None and segments:
        marked = msgspec.structs.replace(segments[-1], mark=request.cache_control.lifetime)
        segments[-1] = marked
    return segments


def _tool_segments(tools: Iterable[ToolOffer]) -> Iterator[Segment]:
    for tool in tools:
        schema = json.dumps(tool.input_schema, separators=(",", ":")) if tool.input_schema else ""
        yield text_segment(tool.name + tool.description + schema, tool.mark)


def _content(content: str | list[Block] | None) -> Iterator[Segment]:
    if isinstance(content, str):
        yield text_segment(content)
        return
    for block in content or ():
        yield _segment(block)


def _segment(block: Block) -> Segment:
    match block.type:
        case "image" | "document" | "container_upload":
            return Segment(json.dumps(block.source), MEDIA_SIZE, block.mark)
        case "tool_use" | "server_tool_use":
            arguments = json.dumps(block.input, ensure_ascii=False, separators=(",", ":"))
            return text_segment(block.name + arguments, block.mark)
        case "tool_result":
            return _result_segment(block)
        case "redacted_thinking":
            return text_segment("", block.mark)
        case _:
            return text_segment(block.text + block.thinking, block.mark)


def _result_segment(block: Block) -> Segment:
    inner = list(_content(block.content))
    data = "".join(segment.data for segment in inner)
    return Segment(data, sum(segment.size for segment in inner), block.mark)


def _last_prompt(messages: list[Message]) -> str:
    for message in reversed(messages):
        if message.role == "user":
            return _text(message.content)
    return ""


def _text(content: str | list[Block] | None) -> str:
    if isinstance(content, str):
        return content
    parts = (_text(b.content) if b.type == "tool_result" else b.text for b in content or ())
    return "\n".join(part for part in parts if part)


def _ends_with_tool_result(messages: list[Message]) -> bool:
    content = messages[-1].content
    return not isinstance(content, str) and any(b.type == "tool_result" for b in content)


def _tool(tool: ToolOffer) -> Tool:
    return Tool(tool.name, tool.description, tool.input_schema or {})


def _tool_choice(choice: _ToolChoice | None) -> str:
    if choice is None:
        return "auto"
    if choice.type == "tool":
        return f"tool:{choice.name}"
    return "required" if choice.type == "any" else choice.type


def _think(request: _MessagesRequest) -> int:
    thinking = request.thinking
    if thinking is None or thinking.type not in ("enabled", "adaptive"):
        return 0
    effort = request.output_config.effort if request.output_config else None
    tokens = _EFFORT_TOKENS.get(effort or "", _THINKING_TOKENS)
    return tokens if thinking.budget_tokens is None else min(tokens, thinking.budget_tokens)

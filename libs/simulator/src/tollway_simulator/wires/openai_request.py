"""What a Chat Completions request asks for.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from tollway_simulator.arrival import Arrival
from tollway_simulator.ask import MEDIA_SIZE, Ask, Segment, Tool, text_segment
from tollway_simulator.refusal import Refusal
from tollway_simulator.wires.openai_rules import check_request
from tollway_simulator.wires.openai_shape import ChatMessage, ChatRequest, Named, Part, ToolOffer

_EFFORT_TOKENS = {"none": 0, "minimal": 8, "low": 16, "medium": 32, "high": 64, "xhigh": 96}
_MOST_EFFORT_TOKENS = 128


class ChatReader:
    """Turns a request body into an `Ask`."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(ChatRequest)

    def read(self, arrival: Arrival) -> Ask:
        """Understand the request, or refuse it in OpenAI's words."""
        request = self._decode(arrival.body)
        check_request(request)
        last = request.messages[-1]
        wanted = request.response_format
        return Ask(
            model=request.model,
            stream=bool(request.stream),
            segments=list(_segments(request)),
            prompt=_last_prompt(request.messages),
            from_tool=last.role == "tool",
            cache_rule="automatic",
            tools=[_tool(tool) for tool in request.tools or ()],
            tool_choice=_tool_choice(request.tool_choice),
            parallel_tools=request.parallel_tool_calls is not False,
            schema=wanted.json_schema.schema or {} if wanted and wanted.json_schema else None,
            any_json=wanted is not None and wanted.type == "json_object",
            max_tokens=request.max_completion_tokens or request.max_tokens,
            stops=(request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ()),
            think=_think(request.reasoning_effort),
            choices=request.n or 1,
            include_usage=bool(request.stream_options and request.stream_options.include_usage),
            tier=request.service_tier or "",
        )

    def _decode(self, body: bytes) -> ChatRequest:
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            message = (
                "We could not parse the JSON body of your request. (HINT: This likely means you "
                "aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, "
                "but what was sent was not valid JSON.)"
            )
            raise Refusal(400, message=message) from None


def _invalid(error: str) -> Refusal:
    """msgspec names the place as `$.messages[0].role`, OpenAI as `messages[0].role`."""
    text, _, place = error.partition(" - at `$.")
    param = place.rstrip("`")
    missing = text.partition("required field `")[2].rstrip("`")
    if missing:
        param = f"{param}.{missing}" if param else missing
        return Refusal(400, message=f"Missing required parameter: '{param}'.", param=param)
    where = f"'{param}'" if param else "the body"
    return Refusal(400, message=f"Invalid type for {where}: {text}.", param=param or None)


def _segments(request: ChatRequest) -> Iterator[Segment]:
    for tool in request.tools or ():
        offered = _tool(tool)
        schema = json.dumps(offered.schema, separators=(",", ":")) if offered.schema else ""
        yield text_segment(offered.name + offered.description + schema)
    for message in request.messages:
        if isinstance(message.content, str):
            yield text_segment(message.content)
        else:
            yield from map(_part_segment, message.content or ())
        for call in message.tool_calls or ():
            named = call.function or call.custom or Named()
            yield text_segment(named.name + named.arguments + named.input)


def _part_segment(part: Part) -> Segment:
    if part.type in ("text", "refusal"):
        return text_segment(part.text + part.refusal)
    return Segment(json.dumps([part.image_url, part.input_audio, part.file]), MEDIA_SIZE)


def _last_prompt(messages: list[ChatMessage]) -> str:
    for message in reversed(messages):
        if message.role in ("user", "tool"):
            return _text(message.content)
    return ""


def _text(content: str | list[Part] | None) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content or () if part.text)


def _tool(tool: ToolOffer) -> Tool:
    if tool.custom is not None:
        return Tool(tool.custom.name, tool.custom.description or "", None)
    function = tool.function
    if function is None:
        message = "Missing required parameter: 'tools[0].function'."
        raise Refusal(400, message=message, param="tools[0].function")
    return Tool(function.name, function.description or "", function.parameters or {})


def _tool_choice(choice: str | dict[str, Any] | None) -> str:
    if choice is None:
        return "auto"
    if isinstance(choice, str):
        return choice
    named = choice.get("function") or choice.get("custom")
    if named:
        return f"tool:{named.get('name', '')}"
    return str(choice.get("allowed_tools", {}).get("mode", "auto"))


def _think(effort: str | None) -> int:
    return _EFFORT_TOKENS.get(effort, _MOST_EFFORT_TOKENS) if effort else 0

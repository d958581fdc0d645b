"""The shapes of a Chat Completions request. Fields that are not named here are ignored."""

from typing import Any

import msgspec


class Part(msgspec.Struct):
    """One part of a message's content."""

    type: str
    text: str = ""
    refusal: str = ""
    image_url: Any = None
    input_audio: Any = None
    file: Any = None


class Named(msgspec.Struct):
    """The name and the arguments (or the free input) of a call."""

    name: str = ""
    arguments: str = ""
    input: str = ""


class ToolCall(msgspec.Struct):
    """A call that an assistant's message carries."""

    id: str = ""
    type: str = "function"
    function: Named | None = None
    custom: Named | None = None


class ChatMessage(msgspec.Struct):
    """One message of the conversation."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str = ""
    reasoning_content: str | None = None


class FunctionOffer(msgspec.Struct):
    """A function, or a custom tool, on offer."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ToolOffer(msgspec.Struct):
    """A tool on offer: a function or a custom one."""

    type: str
    function: FunctionOffer | None = None
    custom: FunctionOffer | None = None


class StreamOptions(msgspec.Struct):
    """What a stream should carry."""

    include_usage: bool | None = False


class JsonSchema(msgspec.Struct):
    """The schema that an answer must fit."""

    name: str = ""
    schema: dict[str, Any] | None = None


class ResponseFormat(msgspec.Struct):
    """The form that an answer must have."""

    type: str
    json_schema: JsonSchema | None = None


class ChatRequest(msgspec.Struct):
    """The body of a request, as far as the simulator reads it."""

    model: str
    messages: list[ChatMessage]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    tools: list[ToolOffer] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = True
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None

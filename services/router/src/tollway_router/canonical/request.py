"""A chat request, as any client format may say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tollway_router.canonical.parts import CacheMark, Extras, Opaque, Part, Text

Role = Literal["user", "assistant", "system"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `prefill`: the answer shall go on from this text. `at`: where the client has it."""

    role: Role
    parts: tuple[Part, ...]
    prefill: bool = False
    extras: Extras | None = None
    at: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the client offers; `schema` is the JSON Schema of its arguments."""

    name: str
    description: str | None
    schema: Mapping[str, Any] | None
    strict: bool | None = None
    cache: CacheMark | None = None
    extras: Extras | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether a tool must be called; `name` goes with `named`."""

    mode: Literal["auto", "none", "required", "named"]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the answer is drawn; None means the client said nothing."""

    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """The answer shall be JSON; with a schema it shall follow it."""

    schema: Mapping[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much the model may think: by effort, by a budget in tokens, or as it likes (adaptive)."""

    enabled: bool | None = None
    effort: str | None = None
    budget: int | None = None
    adaptive: bool = False
    display: str | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Everything that a client asked for.

    `system` holds what stood before the first turn; a system message amid the turns is a
    `Message`. `extras` keeps the fields that only the client's format has.
    """

    model: str
    messages: tuple[Message, ...]
    system: tuple[Text, ...] = ()
    tools: tuple[Tool | Opaque, ...] = ()
    tool_choice: ToolChoice | Opaque | None = None
    parallel_tool_calls: bool | None = None
    sampling: Sampling = Sampling()
    response_format: JsonFormat | None = None
    thinking: Thinking | None = None
    cache: CacheMark | None = None
    service_tier: str | None = None
    user: str | None = None
    stream: bool = False
    wants_stream_usage: bool = False
    extras: Extras | None = None

"""What a wire format can do for the router, and what it is told about the upstream."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

import msgspec

from tollway_router.canonical.failure import Failure
from tollway_router.canonical.request import ChatRequest
from tollway_router.canonical.response import ChatResponse
from tollway_router.canonical.stream import StreamEvent
from tollway_router.canonical.usage import UsageReport

EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Quirks:
    """How an upstream differs from its format's reference; data, set per provider or deployment.

    OpenAI-compatible vendors:
    - `reasoning_outside_completion`: reasoning tokens are not in completion_tokens (xAI); asked
      only when total_tokens does not decide it.
    - `cached_can_exceed_input`: when cached tokens exceed prompt tokens they stand beside them
      instead of being a contradiction (xAI's own usage is known by its fields).
    - `stream_options`: False for a vendor that refuses the field.
    - `max_tokens_field`: how the limit on output is called.
    - `reasoning_field`: what a past turn's reasoning text is called in requests.
    - `reasoning_request`: `reasoning_effort`, or OpenRouter's `reasoning` object with a budget.
    - `reasoning_in_requests`: False for a vendor that refuses past reasoning in its messages; it
      is then left out and named among the dropped.
    - `signed_reasoning`: the message field that carries signatures.
    - `cache_control`, `top_k`, `prefill`: True where the vendor takes these fields.

    Anthropic-compatible:
    - `adaptive_thinking`: the model takes an effort instead of a thinking budget.
    - `system_in_messages`: the model takes system messages amid the turns.
    """

    reasoning_outside_completion: bool = False
    cached_can_exceed_input: bool = False
    stream_options: bool = True
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    reasoning_request: Literal["reasoning_effort", "reasoning"] = "reasoning_effort"
    reasoning_in_requests: bool = True
    signed_reasoning: Literal["thinking_blocks", "reasoning_details"] = "thinking_blocks"
    cache_control: bool = False
    top_k: bool = False
    prefill: bool = False
    adaptive_thinking: bool = False
    system_in_messages: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The deployment that a request is written for."""

    upstream_model: str
    on_unsupported: Literal["refuse", "drop"] = "refuse"
    supports_temperature: bool = True
    supports_tools: bool = True
    max_output_tokens: int | None = None
    quirks: Quirks = field(default_factory=Quirks)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request after one cheap parse: what routing needs, and every field still as raw JSON."""

    model: str
    stream: bool
    wants_stream_usage: bool
    user: str | None
    fields: dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a relayed answer tells in passing: usage, an error in its place, its length."""

    usage: UsageReport | None
    failure: Failure | None
    output_chars: int
    response_model: str | None = None
    response_id: str | None = None


def text_or_none(value: object) -> str | None:
    """What a provider says in a place for text, where it says any."""
    return value if isinstance(value, str) and value else None


class StreamReader(Protocol):
    """Reads one streamed answer, in pieces cut anywhere; never raises on what it is fed."""

    def feed(self, chunk: bytes) -> list[StreamEvent]:
        """The events that this piece completes."""
        ...

    def end(self) -> list[StreamEvent]:
        """The upstream closed: what was held back, then `Completed` or `StreamFailed`."""
        ...


class StreamWriter(Protocol):
    """Writes one streamed answer."""

    def write(self, event: StreamEvent) -> bytes:
        """What the client gets for this event, perhaps nothing yet."""
        ...

    def fail(self, failure: Failure) -> bytes:
        """An error event, the last thing the client gets."""
        ...


class StreamPath(Protocol):
    """A streamed answer on its way from upstream to client."""

    @property
    def usage(self) -> UsageReport | None:
        """The latest usage, cumulative."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the format's terminal event was seen."""
        ...

    @property
    def failure(self) -> Failure | None:
        """An error that the upstream sent in the stream, or its breaking off."""
        ...

    @property
    def output_chars(self) -> int:
        """About how many characters of text, reasoning and arguments came by."""
        ...

    @property
    def response_model(self) -> str | None:
        """The model that answers, by its own account."""
        ...

    @property
    def response_id(self) -> str | None:
        """The answer's id at the upstream."""
        ...

    def feed(self, chunk: bytes) -> bytes:
        """What to send to the client now; never raises on what the upstream sent."""
        ...

    def end(self) -> bytes:
        """The upstream closed: the rest, and an error event if the answer is not whole."""
        ...

    def fail(self, failure: Failure) -> bytes:
        """An error event in the client's format, after bytes have flowed."""
        ...


class Codec(Protocol):
    """One wire format, both directions; holds no state between calls."""

    name: ClassVar[str]
    stream_content_type: ClassVar[str]

    def read_head(self, raw: bytes) -> RequestHead:
        """Parse a client's request shallowly; `RequestRefused` if it is none."""
        ...

    def read_request(self, head: RequestHead) -> ChatRequest:
        """Parse a client's request whole; `RequestRefused` names the field that is wrong."""
        ...

    def write_request(
        self, request: ChatRequest, target: Target
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The body for an upstream, and the fields that were dropped; may refuse."""
        ...

    def patch_request(self, head: RequestHead, target: Target) -> bytes:
        """The client's own body for a same-format upstream; values stay verbatim."""
        ...

    def read_response(self, body: bytes) -> ChatResponse:
        """Parse an upstream's answer; `AnswerUnreadable` if it is none."""
        ...

    def write_response(self, response: ChatResponse, head: RequestHead) -> bytes:
        """The answer for a client."""
        ...

    def stream_reader(self, target: Target) -> StreamReader:
        """A reader for one streamed answer of an upstream."""
        ...

    def stream_writer(self, head: RequestHead) -> StreamWriter:
        """A writer for one streamed answer to a client."""
        ...

    def relay(self, head: RequestHead, target: Target) -> StreamPath:
        """The way of a streamed answer between two ends of this format."""
        ...

    def inspect(self, body: bytes, target: Target) -> Inspection:
        """Look at an answer that is relayed as it is; never raises."""
        ...

    def read_usage(self, body: bytes, target: Target) -> UsageReport | None:
        """The usage of a whole answer, if it states any."""
        ...

    def read_error(self, status: int, body: bytes) -> Failure:
        """Understand an upstream's error, whatever its shape."""
        ...

    def is_own_error(self, body: bytes) -> bool:
        """Whether a body is an error in this format, fit to be relayed word for word."""
        ...

    def error_status(self, status: int) -> int:
        """The HTTP status by which this format's clients know an upstream's error."""
        ...

    def write_error(self, failure: Failure) -> bytes:
        """An error body for a client."""
        ...

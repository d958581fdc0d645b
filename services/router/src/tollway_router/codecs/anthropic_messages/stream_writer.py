"""Events written as a Messages stream.

Blocks may not interleave here, while other formats let parallel tool calls grow side by side: one
block is open at a time, and what comes for another waits until the open one ends.
"""

from typing import Any, assert_never

import msgspec

from tollway_router.canonical.failure import Failure
from tollway_router.canonical.parts import (
    Opaque,
    Part,
    Reasoning,
    RedactedReasoning,
    Refusal,
    Text,
    ToolCall,
)
from tollway_router.canonical.response import settled
from tollway_router.canonical.stream import (
    ArgumentsGrew,
    Cited,
    Completed,
    Delta,
    Finished,
    PartDelta,
    PartEnded,
    PartStarted,
    Signed,
    Started,
    StreamEvent,
    StreamFailed,
    TextGrew,
    UsageSeen,
)
from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.anthropic_messages.answer import usage_value
from tollway_router.codecs.anthropic_messages.block_writer import tool_id
from tollway_router.codecs.anthropic_messages.errors import write_error
from tollway_router.codecs.anthropic_messages.stops import write_stop
from tollway_router.codecs.sse import write_event

_PartEvent = PartStarted | PartDelta | PartEnded


class MessagesStreamWriter:
    """Writes one stream. There is one answer to a message: choices after the first are left out."""

    def __init__(self) -> None:
        self._open: int | None = None
        self._open_part: Part | None = None
        self._block = -1
        self._waiting: dict[int, list[_PartEvent]] = {}
        self._has_calls = False
        self._has_refusal = False
        self._usage: UsageReport | None = None
        self._tier: str | None = None
        self._finished: Finished | None = None

    def write(self, event: StreamEvent) -> bytes:
        """What the client gets for this event, perhaps nothing yet."""
        match event:
            case Started():
                return self._start(event)
            case PartStarted() | PartDelta() | PartEnded():
                return self._part_event(event) if event.choice == 0 else b""
            case UsageSeen(usage=usage):
                self._usage = usage
                return b""
            case Finished():
                if event.choice == 0:
                    self._finished = event
                return b""
            case Completed(service_tier=tier):
                self._tier = tier or self._tier
                return self._complete()
            case StreamFailed(failure=failure):
                return self.fail(failure)
            case _:
                assert_never(event)

    def fail(self, failure: Failure) -> bytes:
        """An error event; the SDK raises on it."""
        return write_event(write_error(failure), "error")

    def _start(self, event: Started) -> bytes:
        """Usage is not known yet in other formats; message_delta brings it whole."""
        self._tier = event.service_tier
        message: dict[str, Any] = {
            "id": event.id,
            "type": "message",
            "role": "assistant",
            "model": event.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_value(self._usage, self._tier),
        }
        return _event("message_start", message=message)

    def _part_event(self, event: _PartEvent) -> bytes:
        if self._open is None and isinstance(event, PartStarted):
            return self._begin(event)
        if event.index != self._open:
            self._waiting.setdefault(event.index, []).append(event)
            return b""
        match event:
            case PartStarted():
                return b""
            case PartDelta(delta=delta):
                return self._grow(delta)
            case PartEnded():
                return self._stop() + self._release()
            case _:
                assert_never(event)

    def _begin(self, event: PartStarted) -> bytes:
        self._open, self._open_part = event.index, event.part
        block = _block(event.part)
        if block is None:
            return b""
        self._block += 1
        self._has_calls = self._has_calls or isinstance(event.part, ToolCall)
        self._has_refusal = self._has_refusal or isinstance(event.part, Refusal)
        written = _event("content_block_start", index=self._block, content_block=block)
        given = _given(event.part)
        return written if given is None else written + self._grow(given)

    def _grow(self, delta: Delta) -> bytes:
        if self._open_part is None or _block(self._open_part) is None:
            return b""
        value = _delta(self._open_part, delta)
        if value is None:
            return b""
        return _event("content_block_delta", index=self._block, delta=value)

    def _stop(self) -> bytes:
        silent = self._open_part is None or _block(self._open_part) is None
        self._open = self._open_part = None
        return b"" if silent else _event("content_block_stop", index=self._block)

    def _release(self) -> bytes:
        """Let what has waited follow, part by part, until one is still open."""
        written = b""
        while self._open is None and self._waiting:
            first = next(iter(self._waiting))
            for event in self._waiting.pop(first):
                written += self._part_event(event)
        return written

    def _complete(self) -> bytes:
        written = b"" if self._open is None else self._stop() + self._release()
        finished = self._finished
        stop = settled(
            None if finished is None else finished.stop,
            has_calls=self._has_calls,
            has_refusal=self._has_refusal,
        )
        sequence = None if finished is None else finished.stop_sequence
        delta = {"stop_reason": write_stop(stop), "stop_sequence": sequence}
        usage = usage_value(self._usage, self._tier)
        return written + _event("message_delta", delta=delta, usage=usage) + _event("message_stop")


def _event(kind: str, **values: Any) -> bytes:
    return write_event(msgspec.json.encode({"type": kind, **values}), kind)


def _block(part: Part) -> dict[str, Any] | None:
    """An empty block of the part's kind; None for a part that this format does not have."""
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": ""}
        case Reasoning():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case RedactedReasoning(data=data):
            return {"type": "redacted_thinking", "data": data}
        case ToolCall(id=call_id, name=name):
            return {"type": "tool_use", "id": tool_id(call_id), "name": name, "input": {}}
        case Opaque(format="anthropic-messages"):
            return dict(part.value)
        case _:
            return None


def _given(part: Part) -> Delta | None:
    """What a part begins with, as the delta by which clients learn it."""
    match part:
        case Text(text=text) | Refusal(text=text) | Reasoning(text=text) if text:
            return TextGrew(text)
        case ToolCall(arguments=arguments) if arguments:
            return ArgumentsGrew(arguments)
        case _:
            return None


def _delta(part: Part, delta: Delta) -> dict[str, Any] | None:
    match delta:
        case TextGrew(text=text) if isinstance(part, Reasoning):
            return {"type": "thinking_delta", "thinking": text}
        case TextGrew(text=text):
            return {"type": "text_delta", "text": text}
        case ArgumentsGrew(json=json):
            return {"type": "input_json_delta", "partial_json": json}
        case Signed(signature=signature):
            return {"type": "signature_delta", "signature": signature}
        case Cited(citation=citation):
            if citation.format != "anthropic-messages":
                return None
            return {"type": "citations_delta", "citation": dict(citation.value)}
        case _:
            assert_never(delta)

"""A Messages stream, read into events."""

from typing import Any

import msgspec

from tollway_router.canonical.failure import Failure, FailureKind
from tollway_router.canonical.parts import (
    Opaque,
    Part,
    Reasoning,
    RedactedReasoning,
    Text,
    ToolCall,
)
from tollway_router.canonical.response import StopReason
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
from tollway_router.codecs.anthropic_messages.block_reader import FORMAT, read_citation
from tollway_router.codecs.anthropic_messages.stops import read_stop
from tollway_router.codecs.anthropic_messages.usage import merged, read_usage
from tollway_router.codecs.relayed_stream import BROKEN_OFF
from tollway_router.codecs.sse import SseEvent, SseParser
from tollway_router.codecs.upstream_error import read_upstream_error

_NOT_AN_EVENT = Failure(
    FailureKind.UPSTREAM_ERROR, "the upstream sent an event that is not of a message", 502
)
_BEGAN_AGAIN = Failure(
    FailureKind.UPSTREAM_ERROR, "the upstream began its answer again amid a tool call", 502
)


class MessagesStreamReader:
    """Reads one stream.

    A second message_start begins the answer again: parts already whole stay, as the client has
    them; amid a tool call the stream fails, since half a call can't be taken back.
    """

    def __init__(self) -> None:
        self._parser = SseParser()
        self._raw_usage: dict[str, Any] | None = None
        self._started = False
        self._over = False
        self._next_part = 0
        self._open: dict[int, tuple[int, Part]] = {}
        self._tier: str | None = None
        self._stop: Finished | None = None

    def feed(self, chunk: bytes) -> list[StreamEvent]:
        """The events that this piece completes."""
        return self._read(self._parser.feed(chunk))

    def end(self) -> list[StreamEvent]:
        """The upstream closed: without message_stop the answer is cut."""
        events = self._read(self._parser.end())
        if not self._over:
            self._over = True
            events.append(StreamFailed(BROKEN_OFF))
        return events

    def _read(self, received: list[SseEvent]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for event in received:
            if not self._over:
                self._read_event(event, events)
        return events

    def _fail(self, failure: Failure, events: list[StreamEvent]) -> None:
        self._over = True
        events.append(StreamFailed(failure))

    def _read_event(self, event: SseEvent, events: list[StreamEvent]) -> None:
        try:
            value = msgspec.json.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = None
        if not isinstance(value, dict):
            self._fail(_NOT_AN_EVENT, events)
        elif event.name == "error" or value.get("type") == "error" or value.get("error"):
            self._fail(read_upstream_error(200, event.data), events)
        else:
            self._read_value(value, events)

    def _read_value(self, value: dict[str, Any], events: list[StreamEvent]) -> None:
        match value.get("type"):
            case "message_start":
                self._start(_mapping(value, "message"), events)
            case "content_block_start":
                self._start_part(_index(value), _mapping(value, "content_block"), events)
            case "content_block_delta":
                self._grow(_index(value), _mapping(value, "delta"), events)
            case "content_block_stop":
                self._end_part(_index(value), events)
            case "message_delta":
                self._finish(_mapping(value, "delta"), events)
                self._add_usage(value.get("usage"), events)
            case "message_stop":
                self._complete(events)

    def _start(self, message: dict[str, Any], events: list[StreamEvent]) -> None:
        if any(isinstance(part, ToolCall) for _, part in self._open.values()):
            self._fail(_BEGAN_AGAIN, events)
            return
        for index in list(self._open):
            self._end_part(index, events)
        usage = _mapping(message, "usage")
        tier = usage.get("service_tier")
        self._tier = tier if isinstance(tier, str) else None
        if not self._started:
            self._started = True
            answer_id, model = str(message.get("id") or ""), str(message.get("model") or "")
            events.append(Started(answer_id, model, service_tier=self._tier))
        self._add_usage(usage or None, events)

    def _add_usage(self, usage: Any, events: list[StreamEvent]) -> None:
        if isinstance(usage, dict):
            self._raw_usage = merged(self._raw_usage, usage)
            events.append(UsageSeen(read_usage(self._raw_usage)))

    def _start_part(self, index: int, block: dict[str, Any], events: list[StreamEvent]) -> None:
        if index in self._open:
            self._end_part(index, events)
        part = _begun(block)
        number = self._next_part
        self._next_part += 1
        self._open[index] = (number, part)
        events.append(PartStarted(0, number, part))

    def _grow(self, index: int, delta: dict[str, Any], events: list[StreamEvent]) -> None:
        opened = self._open.get(index)
        grown = None if opened is None else _grown(opened[1], delta)
        if opened is not None and grown is not None:
            events.append(PartDelta(0, opened[0], grown))

    def _end_part(self, index: int, events: list[StreamEvent]) -> None:
        opened = self._open.pop(index, None)
        if opened is not None:
            events.append(PartEnded(0, opened[0]))

    def _finish(self, delta: dict[str, Any], events: list[StreamEvent]) -> None:
        stop = read_stop(delta.get("stop_reason"))
        if stop is None:
            return
        for index in list(self._open):
            self._end_part(index, events)
        sequence = delta.get("stop_sequence")
        self._stop = Finished(0, stop, sequence if isinstance(sequence, str) else None)
        events.append(self._stop)

    def _complete(self, events: list[StreamEvent]) -> None:
        self._over = True
        if not self._started:
            events.append(StreamFailed(BROKEN_OFF))
            return
        for index in list(self._open):
            self._end_part(index, events)
        if self._stop is None:
            events.append(Finished(0, StopReason.END))
        events.append(Completed(self._tier))


def _begun(block: dict[str, Any]) -> Part:
    """The part that a block begins; one that only this format has comes whole."""
    match block.get("type"):
        case "text":
            return Text(_text(block, "text"))
        case "thinking":
            return Reasoning(_text(block, "thinking"), _text(block, "signature") or None)
        case "redacted_thinking":
            return RedactedReasoning(_text(block, "data"))
        case "tool_use":
            given = block.get("input")
            arguments = msgspec.json.encode(given).decode() if given else ""
            return ToolCall(_text(block, "id"), _text(block, "name"), arguments)
        case kind:
            return Opaque(FORMAT, str(kind), block)


def _grown(part: Part, delta: dict[str, Any]) -> Delta | None:
    match part, delta.get("type"):
        case Text(), "text_delta":
            return TextGrew(_text(delta, "text"))
        case Text(), "citations_delta":
            return Cited(read_citation(_mapping(delta, "citation")))
        case Reasoning(), "thinking_delta":
            return TextGrew(_text(delta, "thinking"))
        case Reasoning(), "signature_delta":
            return Signed(_text(delta, "signature"))
        case ToolCall(), "input_json_delta":
            return ArgumentsGrew(_text(delta, "partial_json"))
        case _:
            return None


def _mapping(value: dict[str, Any], name: str) -> dict[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""


def _index(value: dict[str, Any]) -> int:
    index = value.get("index")
    return index if isinstance(index, int) else 0

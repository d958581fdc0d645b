"""Events written as a chat completions stream."""

from dataclasses import dataclass, field
from typing import Any, assert_never

import msgspec

from tollway_router.canonical.failure import Failure
from tollway_router.canonical.parts import (
    Citation,
    Part,
    Reasoning,
    RedactedReasoning,
    Refusal,
    Text,
    ToolCall,
)
from tollway_router.canonical.stream import (
    ArgumentsGrew,
    Cited,
    Completed,
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
from tollway_router.codecs.openai_chat.errors import write_error
from tollway_router.codecs.openai_chat.reasoning import thinking_block
from tollway_router.codecs.openai_chat.relay import DONE
from tollway_router.codecs.openai_chat.response_writer import write_annotations
from tollway_router.codecs.openai_chat.stops import write_stop
from tollway_router.codecs.openai_chat.tiers import write_tier
from tollway_router.codecs.openai_chat.usage import write_usage
from tollway_router.codecs.sse import write_event


@dataclass(slots=True)
class _Open:
    """A part under way; a signed block and citations are written when it ends."""

    part: Part
    pieces: list[str] = field(default_factory=list)
    signature: str | None = None
    call: int = 0
    has_arguments: bool = False
    start: int = 0
    citations: list[Citation] = field(default_factory=list)


@dataclass(slots=True)
class _Counts:
    """Of one choice. Entries of lists are numbered: the SDK puts them together by `index`."""

    calls: int = 0
    content: int = 0
    blocks: int = 0
    annotations: int = 0


class ChatStreamWriter:
    """Writes one stream; `now` dates the answer where the upstream does not."""

    def __init__(self, now: int, *, wants_usage: bool) -> None:
        self._now = now
        self._wants_usage = wants_usage
        self._frame: dict[str, Any] = {}
        self._open: dict[tuple[int, int], _Open] = {}
        self._counts: dict[int, _Counts] = {}
        self._usage: UsageReport | None = None

    def write(self, event: StreamEvent) -> bytes:
        """What the client gets for this event, perhaps nothing."""
        match event:
            case Started():
                return self._start(event)
            case PartStarted():
                return self._start_part(event)
            case PartDelta():
                return self._grow(event)
            case PartEnded():
                return self._end_part(event)
            case UsageSeen(usage=usage):
                self._usage = usage
                return b""
            case Finished(choice=choice, stop=stop):
                return self._chunk(choice, {}, write_stop(stop))
            case Completed():
                return self._complete()
            case StreamFailed(failure=failure):
                return self.fail(failure)
            case _:
                assert_never(event)

    def fail(self, failure: Failure) -> bytes:
        """An error event; the SDKs raise on it."""
        return write_event(write_error(failure))

    def _start(self, event: Started) -> bytes:
        self._frame = {
            "id": event.id,
            "object": "chat.completion.chunk",
            "created": self._now if event.created is None else event.created,
            "model": event.model,
        }
        if event.service_tier is not None:
            self._frame["service_tier"] = write_tier(event.service_tier)
        return self._chunk(0, {"role": "assistant", "content": ""})

    def _chunk(self, choice: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        body = {
            **self._frame,
            "choices": [
                {"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish}
            ],
        }
        return write_event(msgspec.json.encode(body))

    def _complete(self) -> bytes:
        written = b""
        if self._wants_usage and self._usage is not None:
            body = {**self._frame, "choices": [], "usage": write_usage(self._usage)}
            written = write_event(msgspec.json.encode(body))
        return written + write_event(DONE)

    def _start_part(self, event: PartStarted) -> bytes:
        counts = self._counts.setdefault(event.choice, _Counts())
        opened = _Open(event.part, call=counts.calls, start=counts.content)
        self._open[event.choice, event.index] = opened
        match event.part:
            case ToolCall(id=call_id, name=name, arguments=arguments):
                counts.calls += 1
                opened.has_arguments = bool(arguments)
                function = {"name": name, "arguments": arguments}
                call = {"id": call_id, "type": "function", "function": function}
                return self._call_chunk(event.choice, opened, call)
            case Text(text=text) | Reasoning(text=text) | Refusal(text=text):
                return self._grow_text(event.choice, opened, text)
            case _:
                return b""

    def _call_chunk(self, choice: int, opened: _Open, call: dict[str, Any]) -> bytes:
        return self._chunk(choice, {"tool_calls": [{"index": opened.call, **call}]})

    def _grow(self, event: PartDelta) -> bytes:
        opened = self._open.get((event.choice, event.index))
        if opened is None:
            return b""
        match event.delta:
            case TextGrew(text=text):
                return self._grow_text(event.choice, opened, text)
            case ArgumentsGrew(json=json):
                opened.has_arguments = opened.has_arguments or bool(json)
                return self._call_chunk(event.choice, opened, {"function": {"arguments": json}})
            case Signed(signature=signature):
                opened.signature = signature
                return b""
            case Cited(citation=citation):
                opened.citations.append(citation)
                return b""
            case _:
                assert_never(event.delta)

    def _grow_text(self, choice: int, opened: _Open, text: str) -> bytes:
        if not text:
            return b""
        match opened.part:
            case Text():
                self._counts[choice].content += len(text)
                return self._chunk(choice, {"content": text})
            case Reasoning():
                opened.pieces.append(text)
                return self._chunk(choice, {"reasoning_content": text})
            case Refusal():
                return self._chunk(choice, {"refusal": text})
            case _:
                return b""

    def _end_part(self, event: PartEnded) -> bytes:
        opened = self._open.pop((event.choice, event.index), None)
        if opened is None:
            return b""
        match opened.part:
            case ToolCall() if not opened.has_arguments:
                return self._call_chunk(event.choice, opened, {"function": {"arguments": "{}"}})
            case Reasoning(signature=given) if opened.signature or given:
                block = Reasoning("".join(opened.pieces), opened.signature or given)
                return self._think(event.choice, block)
            case RedactedReasoning():
                return self._think(event.choice, opened.part)
            case Text():
                return self._annotate(event.choice, opened)
            case _:
                return b""

    def _think(self, choice: int, part: Reasoning | RedactedReasoning) -> bytes:
        counts = self._counts[choice]
        block = {"index": counts.blocks, **thinking_block(part)}
        counts.blocks += 1
        return self._chunk(choice, {"thinking_blocks": [block]})

    def _annotate(self, choice: int, opened: _Open) -> bytes:
        counts = self._counts[choice]
        written = write_annotations(opened.citations, opened.start, counts.content)
        if not written:
            return b""
        numbered = [{"index": counts.annotations + i, **one} for i, one in enumerate(written)]
        counts.annotations += len(written)
        return self._chunk(choice, {"annotations": numbered})

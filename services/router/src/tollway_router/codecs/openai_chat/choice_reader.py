"""One choice of a chat completions stream: which part each delta belongs to."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from tollway_router.canonical.parts import Reasoning, RedactedReasoning, Refusal, Text, ToolCall
from tollway_router.canonical.response import StopReason
from tollway_router.canonical.stream import (
    ArgumentsGrew,
    Cited,
    Finished,
    PartDelta,
    PartEnded,
    PartStarted,
    Signed,
    StreamEvent,
    TextGrew,
)
from tollway_router.codecs.openai_chat.message_reader import read_detail
from tollway_router.codecs.openai_chat.response_reader import (
    arguments_text,
    list_of,
    minted_call_id,
    read_annotations,
    read_thinking,
    split_content,
    text_of,
)
from tollway_router.codecs.openai_chat.stops import read_stop

_Flowing = type[Text] | type[Reasoning] | type[Refusal]


@dataclass(slots=True)
class _Call:
    part: int
    id: str
    arguments: list[str] = field(default_factory=list)
    ended: bool = False


class ChoiceReader:
    """Text, reasoning and refusal flow one after the other; tool calls are told apart by index."""

    def __init__(self, index: int, answer_id: str) -> None:
        self._index = index
        self._answer_id = answer_id
        self._next_part = 0
        self._flow: tuple[_Flowing, int] | None = None
        self._thought: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._calls_seen = 0
        self.stop: StopReason | None = None

    def read(self, choice: dict[str, Any], events: list[StreamEvent]) -> None:
        """The events of one chunk's choice."""
        delta = choice.get("delta")
        # A vendor that does not stream answers with a whole message instead.
        delta = choice.get("message") if delta is None else delta
        if isinstance(delta, dict):
            self._read_reasoning(delta, events)
            thought, said = split_content(delta.get("content"))
            self._grow(Reasoning, thought, events)
            self._grow(Text, said, events)
            self._cite(delta, events)
            self._grow(Refusal, text_of(delta.get("refusal")), events)
            self._read_calls(delta, events)
        self.stop = read_stop(choice.get("finish_reason")) or self.stop

    def end(self, events: list[StreamEvent]) -> None:
        """Everything open ends, and the choice is finished."""
        self._end_flow(events)
        for call in self._calls.values():
            self._end_call(call, events)
        events.append(Finished(self._index, self.stop or StopReason.END))

    def _started(self, part: Any, events: list[StreamEvent]) -> int:
        number = self._next_part
        self._next_part += 1
        events.append(PartStarted(self._index, number, part))
        return number

    def _grow(self, kind: _Flowing, text: str, events: list[StreamEvent]) -> None:
        if not text:
            return
        if self._flow is None or self._flow[0] is not kind:
            self._end_flow(events)
            self._flow = (kind, self._started(kind(""), events))
        if kind is Reasoning:
            self._thought.append(text)
        events.append(PartDelta(self._index, self._flow[1], TextGrew(text)))

    def _end_flow(self, events: list[StreamEvent]) -> None:
        if self._flow is not None:
            events.append(PartEnded(self._index, self._flow[1]))
        self._flow = None
        self._thought = []

    def _read_reasoning(self, delta: dict[str, Any], events: list[StreamEvent]) -> None:
        """Plain text by either name; signatures and encrypted thinking come as blocks or details,
        whose text repeats the plain text unless it stands alone."""
        plain = text_of(delta.get("reasoning_content")) or text_of(delta.get("reasoning"))
        self._grow(Reasoning, plain, events)
        blocks = [read_thinking(b) for b in list_of(delta.get("thinking_blocks"))]
        details = [read_detail(d) for d in list_of(delta.get("reasoning_details"))]
        for part in blocks:
            self._settle_block(part, events)
        for part in details:
            if isinstance(part, Reasoning):
                self._grow(Reasoning, "" if plain else part.text, events)
                self._sign(part.signature, events)
            elif part is not None:
                self._encrypted(part, events)

    def _settle_block(
        self, part: Reasoning | RedactedReasoning | None, events: list[StreamEvent]
    ) -> None:
        """A whole block: its text may have flowed already, then only the signature is new."""
        if isinstance(part, RedactedReasoning):
            self._encrypted(part, events)
        elif part is not None:
            if "".join(self._thought) != part.text:
                self._end_flow(events)
                self._grow(Reasoning, part.text, events)
            self._sign(part.signature, events)
            self._end_flow(events)

    def _sign(self, signature: str | None, events: list[StreamEvent]) -> None:
        """A signature signs the reasoning that flows; one that comes alone is a part of its own."""
        if signature is None:
            return
        if self._flow is None or self._flow[0] is not Reasoning:
            self._end_flow(events)
            self._flow = (Reasoning, self._started(Reasoning(""), events))
        events.append(PartDelta(self._index, self._flow[1], Signed(signature)))

    def _encrypted(self, part: RedactedReasoning, events: list[StreamEvent]) -> None:
        self._end_flow(events)
        events.append(PartEnded(self._index, self._started(part, events)))

    def _cite(self, delta: dict[str, Any], events: list[StreamEvent]) -> None:
        if self._flow is not None and self._flow[0] is Text:
            part = self._flow[1]
            cited = read_annotations(delta.get("annotations"))
            events += [PartDelta(self._index, part, Cited(citation)) for citation in cited]

    def _read_calls(self, delta: dict[str, Any], events: list[StreamEvent]) -> None:
        for call in list_of(delta.get("tool_calls")):
            if isinstance(call, dict):
                self._read_call(call, events)
        older = delta.get("function_call")
        if isinstance(older, dict) and (older.get("name") or older.get("arguments")):
            self._read_call({"index": 0, "function": older}, events)

    def _read_call(self, value: dict[str, Any], events: list[StreamEvent]) -> None:
        function = value.get("function")
        if not isinstance(function, dict):
            return
        call = self._call_for(value, function, events)
        arguments = arguments_text(function.get("arguments"))
        if call is None or call.ended or not arguments:
            return
        call.arguments.append(arguments)
        events.append(PartDelta(self._index, call.part, ArgumentsGrew(arguments)))

    def _call_for(
        self, value: dict[str, Any], function: dict[str, Any], events: list[StreamEvent]
    ) -> _Call | None:
        """The call that a delta belongs to: by index; a new id with a name begins a new call, for
        the vendors that number badly or not at all."""
        call_id, name = text_of(value.get("id")), text_of(function.get("name"))
        stated = value.get("index")
        index = stated if isinstance(stated, int) else max(self._calls, default=-1)
        known = self._calls.get(index)
        if known is not None and not (call_id and name and call_id != known.id):
            return known
        if known is None and not name and not call_id:
            return known
        self._end_flow(events)
        self._end_whole_calls(events)
        if known is not None:
            self._end_call(known, events)
            if not isinstance(stated, int):
                index += 1
        call_id = call_id or minted_call_id(self._answer_id, self._calls_seen)
        part = self._started(ToolCall(call_id, name, ""), events)
        self._calls_seen += 1
        self._calls[max(index, 0)] = call = _Call(part, call_id)
        return call

    def _end_whole_calls(self, events: list[StreamEvent]) -> None:
        """When another call begins, those whose arguments are whole need not stay open."""
        for call in self._calls.values():
            if _is_object("".join(call.arguments)):
                self._end_call(call, events)

    def _end_call(self, call: _Call, events: list[StreamEvent]) -> None:
        if not call.ended:
            call.ended = True
            events.append(PartEnded(self._index, call.part))


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, RecursionError):
        return False

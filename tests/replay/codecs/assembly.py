"""Putting a streamed answer together again, by its events."""

from collections.abc import Iterable
from dataclasses import replace

from tollway_router.canonical.parts import Part, Reasoning, Refusal, Text, ToolCall
from tollway_router.canonical.response import ChatResponse, Choice
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


def assemble(events: Iterable[StreamEvent]) -> ChatResponse:
    """The whole answer; fails on a stream that breaks the order of events."""
    parts: dict[tuple[int, int], Part] = {}
    ended: set[tuple[int, int]] = set()
    finished: dict[int, Finished] = {}
    started: Started | None = None
    usage: UsageReport | None = None
    completed = False
    for event in events:
        assert not completed, "an event after the end"
        match event:
            case Started():
                assert started is None, "started twice"
                started = event
            case PartStarted(choice=choice, index=index, part=part):
                assert (choice, index) not in parts, "a part started twice"
                parts[choice, index] = part
            case PartDelta(choice=choice, index=index, delta=delta):
                assert (choice, index) not in ended, "a delta after its part's end"
                parts[choice, index] = _grown(parts[choice, index], delta)
            case PartEnded(choice=choice, index=index):
                assert (choice, index) in parts, "an end without a start"
                ended.add((choice, index))
            case Finished(choice=choice):
                finished[choice] = event
            case UsageSeen():
                usage = event.usage
            case Completed():
                completed = True
            case StreamFailed():
                raise AssertionError(event.failure.message)
    assert started is not None, "never started"
    assert completed, "never completed"
    assert ended == set(parts), "a part never ended"
    choices = tuple(
        Choice(
            index=number,
            parts=tuple(parts[key] for key in sorted(parts) if key[0] == number),
            stop=finished[number].stop,
            stop_sequence=finished[number].stop_sequence,
        )
        for number in sorted(finished)
    )
    return ChatResponse(
        started.id, started.model, choices, started.created, usage, started.service_tier
    )


def _grown(part: Part, delta: Delta) -> Part:
    match part, delta:
        case Text() | Reasoning() | Refusal(), TextGrew(text=text):
            return replace(part, text=part.text + text)
        case Reasoning(), Signed(signature=signature):
            return replace(part, signature=signature)
        case Text(), Cited(citation=citation):
            return replace(part, citations=(*part.citations, citation))
        case ToolCall(), ArgumentsGrew(json=json):
            return replace(part, arguments=part.arguments + json)
    raise AssertionError(f"{delta} does not go with {part}")

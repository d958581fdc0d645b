"""A chat completions stream, read into events."""

from typing import Any

import msgspec

from tollway_router.canonical.failure import Failure, FailureKind
from tollway_router.canonical.response import StopReason
from tollway_router.canonical.stream import (
    Completed,
    Started,
    StreamEvent,
    StreamFailed,
    UsageSeen,
)
from tollway_router.codecs.codec import Quirks
from tollway_router.codecs.openai_chat.choice_reader import ChoiceReader
from tollway_router.codecs.openai_chat.errors import error_within
from tollway_router.codecs.openai_chat.relay import DONE
from tollway_router.codecs.openai_chat.response_reader import STOPPED_BY_ERROR, list_of, text_of
from tollway_router.codecs.openai_chat.tiers import read_tier
from tollway_router.codecs.openai_chat.usage import Metered, read_usage
from tollway_router.codecs.relayed_stream import BROKEN_OFF
from tollway_router.codecs.sse import SseEvent, SseParser
from tollway_router.codecs.upstream_error import read_upstream_error

_NOT_A_CHUNK = Failure(
    FailureKind.UPSTREAM_ERROR, "the upstream sent an event that is not a chat chunk", 502
)


class ChatStreamReader:
    """Reads one stream. Parts end, and choices finish, only once the upstream has said all:
    vendors send content, usage and a second finish reason after the first one."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._parser = SseParser()
        self._choices: dict[int, ChoiceReader] = {}
        self._started = False
        self._over = False
        self._id = ""
        self._tier: object = None

    def feed(self, chunk: bytes) -> list[StreamEvent]:
        """The events that this piece completes."""
        return self._read(self._parser.feed(chunk))

    def end(self) -> list[StreamEvent]:
        """The upstream closed; an answer with a finish reason is whole without [DONE]."""
        events = self._read(self._parser.end())
        if self._over:
            return events
        self._over = True
        if any(choice.stop is not None for choice in self._choices.values()):
            return events + self._complete()
        return [*events, StreamFailed(BROKEN_OFF)]

    def _read(self, received: list[SseEvent]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for event in received:
            if not self._over:
                self._read_event(event, events)
        return events

    def _read_event(self, event: SseEvent, events: list[StreamEvent]) -> None:
        if event.data.strip() == DONE:
            self._over = True
            events += self._complete() if self._started else [StreamFailed(BROKEN_OFF)]
            return
        try:
            value = msgspec.json.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = None
        if not isinstance(value, dict):
            self._over = True
            events.append(StreamFailed(_NOT_A_CHUNK))
            return
        self._read_chunk(value, events)
        error = error_within(value) or (event.data if event.name == "error" else None)
        if error is not None:
            self._over = True
            events.append(StreamFailed(read_upstream_error(200, error)))

    def _read_chunk(self, value: dict[str, Any], events: list[StreamEvent]) -> None:
        choices = [c for c in list_of(value.get("choices")) if isinstance(c, dict)]
        self._tier = value.get("service_tier") or self._tier
        if not self._started and (choices or value.get("id")):
            self._started = True
            events.append(self._start(value))
        for choice in choices:
            self._read_choice(choice, events)
        usage = Metered(value.get("usage"), x_groq=value.get("x_groq")).raw_usage()
        if usage is not None:
            events.append(UsageSeen(read_usage(usage, self._tier, self._quirks)))

    def _start(self, value: dict[str, Any]) -> Started:
        self._id = text_of(value.get("id"))
        created = value.get("created")
        return Started(
            id=self._id,
            model=text_of(value.get("model")),
            created=created if isinstance(created, int) else None,
            service_tier=read_tier(self._tier),
        )

    def _read_choice(self, choice: dict[str, Any], events: list[StreamEvent]) -> None:
        stated = choice.get("index")
        index = stated if isinstance(stated, int) else 0
        reader = self._choices.get(index)
        if reader is None:
            reader = self._choices[index] = ChoiceReader(index, self._id)
        reader.read(choice, events)

    def _complete(self) -> list[StreamEvent]:
        if any(choice.stop is StopReason.ERROR for choice in self._choices.values()):
            return [StreamFailed(STOPPED_BY_ERROR)]
        events: list[StreamEvent] = []
        for choice in self._choices.values():
            choice.end(events)
        events.append(Completed(read_tier(self._tier)))
        return events

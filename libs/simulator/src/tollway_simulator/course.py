"""What a script does to the bytes of an answer: where they stop, wait, break. Pure.

A course is walked step by step; afterwards `ending` tells whether the answer is whole, ends early
(*unfinished*: the HTTP body closes properly) or was *dropped* (the connection breaks).
"""

from collections.abc import Iterable, Iterator
from enum import Enum

import msgspec

from tollway_simulator.script import Script

Frame = tuple[bytes, int]
"""Bytes of one event, and the output tokens given out once it is sent."""

GARBAGE = b'data: {"id":"\xff\xfe","choices":[{"delta":{"content":<<<>>>\n\n'


class Ending(Enum):
    """How the bytes end."""

    WHOLE = "whole"
    UNFINISHED = "unfinished"
    DROPPED = "dropped"


class Step(msgspec.Struct, frozen=True):
    """Wait `wait` seconds, then write `data`; `tokens` as in a frame."""

    data: bytes
    tokens: int
    wait: float = 0.0


class StreamCourse:
    """Events of a stream, bent by a script; positions count events."""

    def __init__(self, frames: Iterable[Frame], script: Script, error_event: bytes) -> None:
        self._frames = frames
        self._script = script
        self._error_event = error_event
        self.ending = Ending.WHOLE

    def __iter__(self) -> Iterator[Step]:
        script = self._script
        if script.pad:
            yield Step(b":" + b" " * script.pad + b"\n\n", 0)
        sent = 0
        for index, (data, tokens) in enumerate(self._frames):
            if index == script.fail:
                yield Step(self._error_event, sent)
            if (ending := self._ending_at(index)) is not None:
                self.ending = ending
                return
            if index == script.garbage:
                yield Step(GARBAGE, sent)
            yield Step(data, tokens, self._wait_at(index))
            sent = tokens

    def _ending_at(self, index: int) -> Ending | None:
        if index == self._script.cut:
            return Ending.DROPPED
        return Ending.UNFINISHED if index in (self._script.end, self._script.fail) else None

    def _wait_at(self, index: int) -> float:
        wait = self._script.delay / 1000 if index else 0.0
        return wait + self._script.stall if index == self._script.stall_at else wait


class BodyCourse:
    """A body sent at once, bent by a script; positions count bytes.

    `length` is what the content-length header announces: more than is sent when the end is cut off.
    """

    def __init__(self, body: bytes, script: Script) -> None:
        body += b" " * script.pad
        self.ending = Ending.WHOLE
        self.length = len(body)
        if script.garbage is not None:
            body = body[: script.garbage] + GARBAGE
            self.ending = Ending.UNFINISHED
        if script.end is not None and script.end < len(body):
            body = body[: script.end]
            self.ending = Ending.UNFINISHED
        if self.ending is Ending.UNFINISHED:
            self.length = len(body)
        if script.cut is not None and script.cut < len(body):
            body = body[: script.cut]
            self.ending = Ending.DROPPED
        self._body = body
        self._script = script

    def __iter__(self) -> Iterator[Step]:
        if not self._script.stall:
            yield Step(self._body, 0)
            return
        at = self._script.stall_at
        yield Step(self._body[:at], 0)
        yield Step(self._body[at:], 0, self._script.stall)

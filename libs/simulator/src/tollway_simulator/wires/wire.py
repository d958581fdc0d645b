"""What a wire format must know. Wires are pure: values in, bytes out; `exchange.py` does the rest.

A further format is one more module with a class of this shape and one more line in `app.py`.
"""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from tollway_simulator.answer import Answer
from tollway_simulator.arrival import Arrival
from tollway_simulator.ask import Ask
from tollway_simulator.course import Frame
from tollway_simulator.ids import Ids, Stamp
from tollway_simulator.refusal import Refusal
from tollway_simulator.script import Script, model_name


class Turn(msgspec.Struct, frozen=True):
    """One request and its answer, ready to be written down."""

    ask: Ask
    script: Script
    answer: Answer
    stamp: Stamp

    @property
    def model(self) -> str:
        """The model's name as the answer tells it: without the script."""
        return model_name(self.ask.model)


class Reply(msgspec.Struct, frozen=True):
    """An HTTP answer that is sent at once."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Wire(Protocol):
    """One provider's format for one endpoint. Answers that are not `metered` cost nothing."""

    name: str
    metered: bool

    def read(self, arrival: Arrival) -> Ask:
        """Understand a request, or raise a `Refusal` as the provider would."""
        ...

    def stamp(self, ids: Ids) -> Stamp:
        """An id in the provider's format."""
        ...

    def headers(self, stamp: Stamp, *, stream: bool) -> tuple[tuple[bytes, bytes], ...]:
        """Headers of an answer, without its length."""
        ...

    def whole(self, turn: Turn) -> bytes:
        """The body of an answer that is not streamed."""
        ...

    def frames(self, turn: Turn) -> Iterator[Frame]:
        """The events of a streamed answer; the last frame is the last event."""
        ...

    def refuse(self, refusal: Refusal, ids: Ids) -> Reply:
        """The provider's error response."""
        ...

    def error_event(self, refusal: Refusal) -> bytes:
        """The provider's way to tell an error inside a stream."""
        ...

"""A streamed answer between two ends of one format: bytes pass untouched, and are watched."""

from abc import ABC, abstractmethod

from tollway_router.canonical.failure import Failure, FailureKind
from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.sse import BlockSplitter, SseEvent, read_block
from tollway_router.codecs.upstream_error import read_upstream_error

MAX_HELD = 4 * 1024 * 1024
"""Bytes of one unfinished event that are held back; a longer one passes unwatched."""

BROKEN_OFF = Failure(
    FailureKind.UPSTREAM_ERROR, "the upstream closed the stream before the answer was complete", 502
)


class RelayedStream(ABC):
    """Relays whole events, so that an error event never lands inside of a cut one.

    A subclass watches one format: `_watch` sees each event and says whether it passes.
    Measured: decoding a chunk into a small struct (0.5 us) costs less than looking for its
    markers with regular expressions, and can't be misled by text that looks like one.
    """

    def __init__(self) -> None:
        self._splitter = BlockSplitter()
        self.finished = False
        self.failure: Failure | None = None
        self.output_chars = 0
        self.response_model: str | None = None
        self.response_id: str | None = None
        self.garbage = 0
        """Events that could not be understood; they passed all the same."""

    @property
    @abstractmethod
    def usage(self) -> UsageReport | None:
        """The latest usage, cumulative."""

    @abstractmethod
    def _watch(self, event: SseEvent) -> bool:
        """Note what an event tells; False keeps it from the client."""

    @abstractmethod
    def _is_whole(self) -> bool:
        """Whether the answer is whole, now that the upstream has closed."""

    @abstractmethod
    def _error_event(self, failure: Failure) -> bytes:
        """An error event of the format."""

    def feed(self, chunk: bytes) -> bytes:
        """The events that this piece completes, untouched."""
        blocks = self._splitter.feed(chunk)
        passed = b"".join([block for block in blocks if self._passes(block)])
        if self._splitter.held > MAX_HELD:
            self.garbage += 1
            return passed + self._splitter.rest()
        return passed

    def end(self) -> bytes:
        """The last event if its blank line is missing; an error event if the answer is cut."""
        rest = self._splitter.rest()
        seen = self.garbage
        if not self._passes(rest):
            rest = b""
        cut = self.garbage > seen
        self.finished = self.finished or self._is_whole()
        if self.finished or self.failure is not None:
            return rest
        self.failure = BROKEN_OFF
        return (b"" if cut or not rest else rest + b"\n\n") + self._error_event(BROKEN_OFF)

    def fail(self, failure: Failure) -> bytes:
        """An error event; nothing once the answer is over. A held part of an event is lost."""
        self._splitter.rest()
        if self.finished or self.failure is not None:
            return b""
        self.failure = failure
        return self._error_event(failure)

    def _note_odd(self, event: SseEvent) -> None:
        """An event whose data is not the format's: an error of a vendor's own shape, or garbage."""
        if event.name == "error":
            self.failure = read_upstream_error(200, event.data)
        else:
            self.garbage += 1

    def _passes(self, block: bytes) -> bool:
        event = read_block(block)
        return event is None or self._watch(event)

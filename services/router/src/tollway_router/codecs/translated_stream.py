"""A streamed answer that is read in one format and written in another."""

from tollway_router.canonical.failure import Failure
from tollway_router.canonical.parts import Text, ToolCall
from tollway_router.canonical.stream import (
    ArgumentsGrew,
    Completed,
    PartDelta,
    PartStarted,
    Started,
    StreamEvent,
    StreamFailed,
    TextGrew,
    UsageSeen,
)
from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.codec import StreamReader, StreamWriter


class TranslatedStream:
    """Upstream bytes in, client bytes out; remembers what the usage event needs."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.usage: UsageReport | None = None
        self.finished = False
        self.failure: Failure | None = None
        self.output_chars = 0
        self.response_model: str | None = None
        self.response_id: str | None = None

    def feed(self, chunk: bytes) -> bytes:
        """What these bytes are in the client's format."""
        return self._pass(self._reader.feed(chunk))

    def end(self) -> bytes:
        """The rest; an error event if the answer is not whole."""
        return self._pass(self._reader.end())

    def fail(self, failure: Failure) -> bytes:
        """An error event in the client's format; nothing once the answer is over."""
        if self.finished or self.failure is not None:
            return b""
        self.failure = failure
        return self._writer.fail(failure)

    def _pass(self, events: list[StreamEvent]) -> bytes:
        written = bytearray()
        for event in events:
            if self.failure is None:
                self._note(event)
                written += self._writer.write(event)
        return bytes(written)

    def _note(self, event: StreamEvent) -> None:
        match event:
            case PartDelta(delta=TextGrew(text=text) | ArgumentsGrew(json=text)):
                self.output_chars += len(text)
            case PartStarted(part=Text(text=text) | ToolCall(arguments=text)):
                self.output_chars += len(text)
            case UsageSeen(usage=usage):
                self.usage = usage
            case Started(id=answer_id, model=model):
                self.response_id = answer_id or None
                self.response_model = model or None
            case StreamFailed(failure=failure):
                self.failure = failure
            case Completed():
                self.finished = True

"""Server-sent events: splitting a byte stream into blocks, and reading and writing a block.

A block is everything up to and with a blank line. Lines end with LF, CRLF or CR. Bytes stay bytes:
a cut inside a UTF-8 character or a line end does no harm.
"""

import re
from dataclasses import dataclass

# Atomic groups: a CRLF is one line end, never a CR and an LF. A CR at the very end may become
# a CRLF with the next piece, so it does not end a block yet.
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r(?!\Z))")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event: its name if it has one, and its data lines joined."""

    name: str | None
    data: bytes


class BlockSplitter:
    """Cuts a byte stream into blocks; every byte comes out once, in order."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The blocks that this piece completes, with their blank lines."""
        held = self._held
        held += chunk
        plain = b"\r" not in held
        blocks: list[bytes] = []
        start = 0
        search = self._searched
        while (end := _block_end(held, search, plain)) >= 0:
            blocks.append(bytes(held[start:end]))
            start = search = end
        if start:
            del held[:start]
        # The longest beginning of a blank line is three bytes: CR LF CR.
        self._searched = max(len(held) - 3, 0)
        return blocks

    @property
    def held(self) -> int:
        """How many bytes wait for the end of their block."""
        return len(self._held)

    def rest(self) -> bytes:
        """What is held back, given up for good: a last block without its blank line."""
        rest = bytes(self._held)
        self._held.clear()
        self._searched = 0
        return rest


def _block_end(held: bytearray, search: int, plain: bool) -> int:
    if plain:
        at = held.find(b"\n\n", search)
        return at + 2 if at >= 0 else -1
    match = _BLANK_LINE.search(held, search)
    return match.end() if match else -1


def read_block(block: bytes) -> SseEvent | None:
    """The event in a block; None if it carries no data (comments, keep-alives, empty data).

    A block that is bare JSON, which some vendors put between events, counts as data.
    """
    event = _read_usual(block) or _read_lines(block)
    return None if event is None or not event.data.strip() else event


def _read_usual(block: bytes) -> SseEvent | None:
    """The quick way for how all but a few events look: a data line, perhaps a name before it."""
    end = len(block) - 2
    first = block.find(b"\n")
    if b"\r" in block or not block.endswith(b"\n\n"):
        return None
    if first == end and block.startswith(b"data: "):
        return SseEvent(None, block[6:end])
    named = block.startswith(b"event: ") and block.startswith(b"data: ", first + 1)
    if named and block.find(b"\n", first + 1) == end:
        return SseEvent(block[7:first].decode("utf-8", "replace"), block[first + 7 : end])
    return None


def _read_lines(block: bytes) -> SseEvent | None:
    lines = block.splitlines()
    if lines and lines[0].startswith(_BOM):
        lines[0] = lines[0][len(_BOM) :]
    event_name: str | None = None
    data: list[bytes] = []
    for line in lines:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            event_name = value.decode("utf-8", "replace")
    if data:
        return SseEvent(event_name, b"\n".join(data))
    bare = block.strip()
    return SseEvent(None, bare) if bare.startswith(b"{") else None


class SseParser:
    """Events out of a byte stream."""

    def __init__(self) -> None:
        self._splitter = BlockSplitter()

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events that this piece completes."""
        events = (read_block(block) for block in self._splitter.feed(chunk))
        return [event for event in events if event is not None]

    def end(self) -> list[SseEvent]:
        """The last event, should its blank line be missing."""
        event = read_block(self._splitter.rest())
        return [] if event is None else [event]


def write_event(data: bytes, name: str | None = None) -> bytes:
    """One event whose data is a single line, as JSON is."""
    if name is None:
        return b"data: " + data + b"\n\n"
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"

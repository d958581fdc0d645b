"""Server-sent events, from bytes as they come. https://html.spec.whatwg.org/#event-stream."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its name (`message` where it has none) and its data."""

    name: str
    data: str


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events; one that the stream's end cuts short is dropped."""
    name = ""
    data: list[str] = []
    for line in _lines(chunks):
        if not line:
            if data:
                yield Event(name or "message", "\n".join(data))
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield lines that end in LF, CR or CRLF; U+2028 and its like end none."""
    rest, after_cr = b"", False
    for chunk in chunks:
        more = chunk.removeprefix(b"\n") if after_cr else chunk
        after_cr = more.endswith(b"\r") if more else after_cr and not chunk
        rest += more
        *whole, rest = rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        yield from (line.decode("utf-8", errors="replace") for line in whole)

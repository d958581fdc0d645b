"""The last requests that came in, so that a test can look at what a gateway really sent."""

from collections import OrderedDict, deque
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from tollway_simulator.arrival import Arrival
from tollway_simulator.keys import CREDENTIAL_QUERY, fingerprint, hide

_BODY_LIMIT = 1 << 20
_RECORDINGS = 5_000


class Seen:
    """Two memories: the last requests of all, and the last one for each replayed recording."""

    def __init__(self, capacity: int) -> None:
        self._last: deque[Arrival] = deque(maxlen=capacity)
        self._by_recording: OrderedDict[str, Arrival] = OrderedDict()

    def note(self, arrival: Arrival) -> None:
        """Remember a request; of a large body the first mebibyte."""
        if len(arrival.body) > _BODY_LIMIT:
            arrival = msgspec.structs.replace(arrival, body=arrival.body[:_BODY_LIMIT])
        self._last.append(arrival)

    def note_recording(self, recording: str, arrival: Arrival) -> None:
        """Remember the request that was answered with a recording."""
        self.note(arrival)
        self._by_recording[recording] = arrival
        self._by_recording.move_to_end(recording)
        if len(self._by_recording) > _RECORDINGS:
            self._by_recording.popitem(last=False)

    def last(self, number: int) -> list[dict[str, Any]]:
        """The last requests, oldest first, without credentials."""
        return [_shown(arrival) for arrival in list(self._last)[-number:]] if number else []

    def recording(self, recording: str) -> dict[str, Any] | None:
        """The last request for a recording."""
        arrival = self._by_recording.get(recording)
        return None if arrival is None else _shown(arrival)

    def clear(self) -> None:
        """Forget both."""
        self._last.clear()
        self._by_recording.clear()


def _shown(arrival: Arrival) -> dict[str, Any]:
    return {
        "method": arrival.method,
        "path": arrival.path,
        "query": _hidden_query(arrival.query),
        "headers": {name: hide(name, value) for name, value in arrival.headers.items()},
        "body": _body(arrival.body),
    }


def _hidden_query(query: str) -> str:
    if not query:
        return ""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode(
        [
            (name, f"sha256:{fingerprint(value)}" if name in CREDENTIAL_QUERY else value)
            for name, value in pairs
        ]
    )


def _body(body: bytes) -> Any:
    """JSON as JSON, anything else as text."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode(errors="replace")

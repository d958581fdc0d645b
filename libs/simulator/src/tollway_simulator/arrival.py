"""A request as it came in, before any wire has looked at it."""

from typing import Any

import msgspec

from tollway_simulator.keys import fingerprint, key_of


class Arrival(msgspec.Struct, frozen=True):
    """Method, path, headers (lower case), query, body and the key that was presented."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    params: dict[str, Any]
    key: str
    key_print: str

    @property
    def request_id(self) -> str | None:
        """The gateway's own id of the request, when it sent one."""
        return self.headers.get("x-tollway-request-id")

    @property
    def script(self) -> str:
        """A script given by header."""
        return self.headers.get("x-sim-script", "")


def arrival_of(scope: Any, body: bytes) -> Arrival:
    """Read an ASGI scope."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    key = key_of(headers, query)
    return Arrival(
        method=scope["method"],
        path=scope["path"],
        query=query,
        headers=headers,
        body=body,
        params=scope.get("path_params", {}),
        key=key,
        key_print=fingerprint(key),
    )

"""Reads a request's body, up to a limit."""

from starlette.types import Receive

from tollway_router.canonical.failure import Failure, FailureKind, RequestRefused

DISCARD_FACTOR = 8
"""A body this many times over the limit is read to its end and thrown away, so that its sender
gets to read why; one larger still finds the connection closed."""


class ClientLeft(Exception):
    """The client went away before its request was complete: nobody is left to answer."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """Return the body. Raises RequestRefused (413) for one over `limit` bytes, ClientLeft."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        elif size > limit * DISCARD_FACTOR:
            raise _too_large(limit)
        if not message.get("more_body", False):
            break
    if size > limit:
        raise _too_large(limit)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> RequestRefused:
    msg = f"The request body is larger than the {limit} bytes that this gateway takes."
    return RequestRefused(Failure(FailureKind.TOO_LARGE, msg, 413, code="request_too_large"))

"""Reads a request's body, up to a limit and in time."""

import asyncio

from starlette.types import Receive

from tollway_router.canonical.failure import Failure, FailureKind, RequestRefused

DISCARD_FACTOR = 8
"""A body up to so many times too large is read to its end and thrown away: its sender is sending,
and would otherwise find a broken connection instead of the reason."""


class ClientLeft(Exception):
    """The client went away before its request was complete: nobody is left to answer."""


async def read_body(receive: Receive, limit: int, patience: float) -> bytes:
    """Return the body.

    Raises RequestRefused for one over `limit` bytes (413) or of which nothing more comes for
    `patience` seconds (408), and ClientLeft.
    """
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        part, more = await _next(receive, patience)
        size += len(part)
        if size <= limit:
            parts.append(part)
        elif size > limit * DISCARD_FACTOR:
            break
        else:
            parts.clear()
    if size > limit:
        msg = f"The request body is larger than the {limit} bytes that this gateway takes."
        raise _refused(FailureKind.TOO_LARGE, 413, "request_too_large", msg)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _next(receive: Receive, patience: float) -> tuple[bytes, bool]:
    try:
        async with asyncio.timeout(patience):
            message = await receive()
    except TimeoutError as error:
        msg = f"Nothing more of the request body came for {patience:g} seconds."
        raise _refused(FailureKind.INVALID_REQUEST, 408, "request_timeout", msg) from error
    if message["type"] == "http.disconnect":
        raise ClientLeft
    return message.get("body", b""), message.get("more_body", False)


def _refused(kind: FailureKind, status: int, code: str, message: str) -> RequestRefused:
    return RequestRefused(Failure(kind, message, status, code=code))

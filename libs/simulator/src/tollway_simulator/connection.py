"""One HTTP exchange over ASGI: reads the body, writes the answer, notices a client that leaves."""

import asyncio
from collections.abc import Iterable

from starlette.types import Receive, Send

Headers = Iterable[tuple[bytes, bytes]]

_YIELD_EVERY = 32


class ClientGone(Exception):
    """The client hung up before its request was read or answered."""


class Connection:
    """Wraps the two ASGI callables; `close` must be called at the end."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._gone = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        self._writes = 0

    @property
    def gone(self) -> bool:
        """Whether the client has hung up; only known once `watch` was called."""
        return self._gone.is_set()

    async def body(self) -> bytes:
        """The whole request body."""
        parts: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def watch(self) -> None:
        """Look out for the client's leaving from now on."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._wait_for_disconnect())

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than the client does."""
        if seconds <= 0:
            return
        self.watch()
        try:
            await asyncio.wait_for(self._gone.wait(), seconds)
        except TimeoutError:
            return

    async def start(self, status: int, headers: Headers) -> None:
        """Send the status line and the headers."""
        await self._send(
            {"type": "http.response.start", "status": status, "headers": list(headers)}
        )

    async def write(self, data: bytes) -> None:
        """Send a part of the body; now and then let others run."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._writes += 1
        if self._writes % _YIELD_EVERY == 0:
            await asyncio.sleep(0)

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer."""
        length = (b"content-length", b"%d" % len(body))
        await self.start(status, (*headers, length))
        await self.finish(body)

    def close(self) -> None:
        """Stop looking out."""
        if self._watch is not None:
            self._watch.cancel()

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()

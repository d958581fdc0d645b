"""The client's end of one request: its answer as ASGI messages, and whether it is still there."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.types import Message, Receive, Scope, Send

REQUEST_ID = "x-tollway-request-id"


class Client:
    """Sends one answer. Once the client has gone, sending does nothing and raises nothing."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._receive = receive
        self._send = send
        self.request_id = request_id
        self._watch: asyncio.Task[None] | None = None
        self._limit: asyncio.Timeout | None = None
        self._patience = 0.0
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self.gone = False
        self.started = False

    def header(self, name: str) -> str | None:
        """Return a request header by its lower-case name."""
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    @asynccontextmanager
    async def watched(self, patience: float) -> AsyncIterator[None]:
        """Notice a disconnect; `patience` seconds after it raise TimeoutError here.

        So an answer that nobody reads any more is still read to its end, and its usage counted, if
        it ends soon.
        """
        self._patience = patience
        self._watch = asyncio.create_task(self._wait_until_gone())
        try:
            async with asyncio.timeout(None) as self._limit:
                yield
        finally:
            self._limit = None
            self._watch.cancel()

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the answer's status and headers."""
        self.started = True
        pairs = [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        pairs.append((REQUEST_ID.encode(), self.request_id.encode()))
        await self._pass({"type": "http.response.start", "status": status, "headers": pairs})

    async def send(self, body: bytes) -> None:
        """Send a part of the body."""
        await self._pass({"type": "http.response.body", "body": body, "more_body": True})

    async def finish(self, body: bytes = b"") -> None:
        """Send the rest of the body."""
        await self._pass({"type": "http.response.body", "body": body, "more_body": False})

    async def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a whole answer."""
        await self.start(status, {**headers, "content-length": str(len(body))})
        await self.finish(body)

    async def _pass(self, message: Message) -> None:
        if self.gone:
            return
        try:
            await self._send(message)
        except OSError:
            self.gone = True

    async def _wait_until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time() + self._patience)

"""The client's end of one request: its answer as ASGI messages, and whether it is still there."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog
from starlette.types import Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

REQUEST_ID = "x-tollway-request-id"


class Client:
    """Sends one answer. Once the client has gone, sending does nothing and raises nothing.

    `write_timeout` is how many seconds it may take a client to take what is sent to it; one that
    takes longer counts as gone.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, *, write_timeout: float
    ) -> None:
        self._receive = receive
        self._send = send
        self._write_timeout = write_timeout
        self._headers = _joined(scope["headers"])
        self._on_leaving: Callable[[], None] | None = None
        self.request_id = request_id
        self.started = False
        self.gone = False

    def header(self, name: str) -> str | None:
        """Return a request header by its lower-case name."""
        return self._headers.get(name)

    @asynccontextmanager
    async def watched(self, patience: float) -> AsyncIterator[None]:
        """Notice a disconnect, and end what runs inside `patience` seconds after it.

        So an answer that nobody reads any more is still read to its end, and its usage counted, if
        it ends soon.
        """
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(None)
        self._on_leaving = lambda: limit.reschedule(loop.time() + patience)
        watch = asyncio.create_task(self._wait_for_disconnect())
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            log.info("client left, answer not awaited further", request_id=self.request_id)
        finally:
            self._on_leaving = None
            watch.cancel()

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the answer's status and headers."""
        pairs = [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        pairs.append((REQUEST_ID.encode(), self.request_id.encode()))
        await self._pass({"type": "http.response.start", "status": status, "headers": pairs})
        self.started = True

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
            async with asyncio.timeout(self._write_timeout):
                await self._send(message)
        except OSError:  # also a TimeoutError: it does not read
            self._leave()

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        self.gone = True
        if self._on_leaving is not None:
            self._on_leaving()


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by name; one that came several times is a list with commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers

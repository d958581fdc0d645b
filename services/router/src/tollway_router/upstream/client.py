"""The HTTP client to providers: aiohttp behind two methods, nothing of it outside."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from tollway_router.settings import RouterSettings
from tollway_router.upstream.egress import EgressPolicy, GuardedResolver
from tollway_router.upstream.failure import CAUGHT, invalid_answer, translated

NAME_CACHE_SECONDS = 30
# Below the 5 s after which common servers (uvicorn, Node.js) close an idle connection. A request
# that crosses such a close fails and is not sent again: nobody can know whether the provider had
# read it, and would bill it twice.
IDLE_CONNECTION_SECONDS = 4
MAX_HEADER_BYTES = 32 * 1024


class Answer:
    """A provider's answer whose headers have come. Its body is read once, whole or in chunks."""

    def __init__(self, response: aiohttp.ClientResponse, settings: RouterSettings) -> None:
        self._response = response
        self._bytes_left = self._max_bytes = settings.max_answer_bytes
        self._idle_timeout = settings.idle_timeout
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.content_type = response.content_type

    async def read(self) -> bytes:
        """Return the whole body. Raises UpstreamFailed where it does not come or is too large."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
        return bytes(body)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's bytes as they come, decompressed.

        Raises UpstreamFailed where they stop coming, or are more than the settings allow.
        """
        while chunk := await self._next():
            self._bytes_left -= len(chunk)
            if self._bytes_left < 0:
                msg = f"The provider's answer is larger than {self._max_bytes} bytes."
                raise invalid_answer(msg)
            yield chunk

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(self._idle_timeout):
                return await self._response.content.readany()
        except CAUGHT as error:
            raise translated(error, sent=True) from error


class _Body(aiohttp.BytesPayload):
    """A request's body that knows whether its writing began. The headers wait for it until then."""

    begun = False

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        self.begun = True
        await super().write_with_length(writer, content_length)


class UpstreamClient:
    """One connection pool to all providers."""

    def __init__(self, settings: RouterSettings) -> None:
        self._settings = settings
        self._policy = EgressPolicy.of(settings)
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._policy),
            limit=0,  # how many requests run at once is not decided by the pool
            ttl_dns_cache=NAME_CACHE_SECONDS,
            keepalive_timeout=IDLE_CONNECTION_SECONDS,
            socket_factory=self._socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            # `connect` covers what comes before the request: look-up, all addresses, TLS.
            timeout=aiohttp.ClientTimeout(total=None, connect=settings.connect_timeout),
            headers={"user-agent": "tollway", "accept-encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    @asynccontextmanager
    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, first_byte_timeout: float | None
    ) -> AsyncIterator[Answer]:
        """Post to a provider, once; the answer is there once its headers are.

        A redirect is an answer like any other: following it would hand the key to wherever it
        points. `first_byte_timeout` is in seconds; None is the settings' own. Leaving the context
        early closes the connection. Raises UpstreamFailed.
        """
        seconds = first_byte_timeout or self._settings.first_byte_timeout
        response = await self._start(url, headers, body, seconds)
        finished = False
        try:
            yield Answer(response, self._settings)
            finished = True
        finally:
            if finished and response.content.at_eof():
                response.release()
            else:
                response.close()

    async def _start(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> aiohttp.ClientResponse:
        payload = _Body(body)
        try:
            self._policy.check_url(url)
            async with asyncio.timeout(seconds):
                return await self._session.post(
                    url,
                    data=payload,
                    headers=headers,
                    allow_redirects=False,
                )
        except CAUGHT as error:
            raise translated(error, sent=payload.begun) from error

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for an address that is about to be connected to. Last look at it."""
        family, kind, protocol, _, address = info
        self._policy.check_numeric(str(address[0]))
        return socket.socket(family, kind, protocol)

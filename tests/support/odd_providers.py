"""Small servers that answer as providers should not, and a client to call them with."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tollway_contracts.vocabulary import Outcome
from tollway_router.settings import RouterSettings
from tollway_router.upstream.client import UpstreamClient
from tollway_router.upstream.failure import UpstreamFailed

SECRET = "sk-live-0123456789abcdef"
HEADERS = {"content-type": "application/json", "authorization": f"Bearer {SECRET}"}
BODY = b'{"model": "m"}'
FINE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def request_from(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = [line[15:] for line in head.lower().split(b"\r\n") if b"content-length:" in line]
    return head + await reader.readexactly(int(length))


@asynccontextmanager
async def serving(
    handler: Handler, *, tls: ssl.SSLContext | None = None, limit: int = 1 << 16
) -> AsyncIterator[int]:
    """Serve one handler a connection, on a port of loopback; stop with everything it holds."""
    running: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await handler(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls, limit=limit)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def saying(answer: bytes, *, then_wait: bool = False) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_from(reader)
        writer.write(answer)
        await writer.drain()
        if then_wait:
            await asyncio.sleep(60)

    return handler


def echoing(before: bytes, after: bytes = b"") -> Handler:
    """Answer with the request itself, the key in it."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(before + await request_from(reader) + after)

    return handler


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_from(reader)


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_from(reader)
    now = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
    writer.transport.abort()


@asynccontextmanager
async def calling(tmp_path: Path, **changes: object) -> AsyncIterator[UpstreamClient]:
    values = {
        "secrets_url": "http://127.0.0.1:9",
        "secrets_token_file": tmp_path / "token",
        "spool_dir": tmp_path / "spool",
        "table_cache": tmp_path / "table.json",
        "egress_loopback": "allow",
        "kafka_bootstrap_servers": "127.0.0.1:9",
        "connect_timeout": 0.3,
        "first_byte_timeout": 0.3,
        "idle_timeout": 0.3,
    }
    client = UpstreamClient(RouterSettings(**values | changes))
    try:
        yield client
    finally:
        await client.close()


async def posted(
    client: UpstreamClient, url: str, headers: dict[str, str] = HEADERS, body: bytes = BODY
) -> bytes:
    async with client.post(url, headers, body, first_byte_timeout=None) as answer:
        return await answer.read()


async def failure_of(
    client: UpstreamClient, url: str, headers: dict[str, str] = HEADERS, body: bytes = BODY
) -> UpstreamFailed:
    with pytest.raises(UpstreamFailed) as failed:
        await posted(client, url, headers, body)
    return failed.value


def told(failed: UpstreamFailed) -> tuple[Outcome, str | None, bool]:
    return failed.outcome, failed.failure.code, failed.sent


UNREACHABLE = (Outcome.UPSTREAM_UNREACHABLE, "upstream_unreachable", False)
REFUSED = (Outcome.UPSTREAM_UNREACHABLE, "egress_refused", False)
TLS = (Outcome.UPSTREAM_UNREACHABLE, "upstream_tls", False)
UNCONNECTED = (Outcome.UPSTREAM_UNREACHABLE, "upstream_timeout", False)
TIMEOUT = (Outcome.UPSTREAM_TIMEOUT, "upstream_timeout", True)
CUT = (Outcome.UPSTREAM_CUT, "upstream_cut", True)
INVALID = (Outcome.UPSTREAM_INVALID, "upstream_invalid", True)

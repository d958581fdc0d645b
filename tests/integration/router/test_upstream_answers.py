"""Answers larger than allowed, and connections that are used again, against real sockets."""

import asyncio
import gzip
import time

import pytest
from support.odd_providers import (
    BODY,
    CUT,
    FINE,
    HEADERS,
    INVALID,
    calling,
    failure_of,
    posted,
    request_from,
    saying,
    serving,
    told,
)

from tollway_router.upstream.client import IDLE_CONNECTION_SECONDS
from tollway_router.upstream.failure import UpstreamFailed

# How much may come


def compressed(size: int) -> bytes:
    body = gzip.compress(bytes(size))
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def test_an_answer_that_is_compressed_unasked_is_read(tmp_path):
    async with (
        serving(saying(compressed(1000))) as port,
        calling(tmp_path, max_answer_bytes=1000) as client,
    ):
        assert await posted(client, f"http://127.0.0.1:{port}") == bytes(1000)


@pytest.mark.parametrize("size", [1001, 300_000_000])
async def test_an_answer_that_unpacks_to_more_than_allowed_is_invalid(tmp_path, size):
    async with (
        serving(saying(compressed(size))) as port,
        calling(tmp_path, max_answer_bytes=1000, first_byte_timeout=5) as client,
    ):
        failed = await failure_of(client, f"http://127.0.0.1:{port}")
    assert told(failed) == INVALID
    assert "larger than 1000 bytes" in failed.failure.message
    assert failed.cause == failed.failure.message


async def test_a_stream_that_unpacks_to_more_than_allowed_is_invalid(tmp_path):
    came = 0
    async with (
        serving(saying(compressed(300_000_000))) as port,
        calling(tmp_path, max_answer_bytes=2_000_000, first_byte_timeout=5) as client,
    ):
        url = f"http://127.0.0.1:{port}"
        with pytest.raises(UpstreamFailed) as failed:
            async with client.post(url, HEADERS, BODY, first_byte_timeout=None) as answer:
                async for chunk in answer.chunks():
                    came += len(chunk)
    assert told(failed.value) == INVALID
    assert came <= 2_000_000


# Connections that are used again


async def test_a_connection_is_used_again_but_not_after_providers_may_have_closed_it(client):
    """Closing an idle connection just as a request comes in is what a provider does after 5 s."""
    connections = 0

    async def handler(reader, writer):
        nonlocal connections
        connections += 1
        used_at = time.monotonic()
        while await request_from(reader):
            if time.monotonic() - used_at > 4.5:
                return
            used_at = time.monotonic()
            writer.write(FINE)

    async with serving(handler) as port:
        url = f"http://127.0.0.1:{port}"
        assert [await posted(client, url) for _ in range(3)] == [b"ok"] * 3
        assert connections == 1
        await asyncio.sleep(4.6)
        assert await posted(client, url) == b"ok"
    assert connections == 2
    assert IDLE_CONNECTION_SECONDS < 5


async def test_a_request_that_crosses_a_close_is_never_sent_twice(client):
    """The provider may have read it, and may bill it."""
    requests = 0

    async def handler(reader, writer):
        nonlocal requests
        while await request_from(reader):
            requests += 1
            if requests == 2:
                return
            writer.write(FINE)

    async with serving(handler) as port:
        url = f"http://127.0.0.1:{port}"
        assert await posted(client, url) == b"ok"
        assert told(await failure_of(client, url)) == CUT
        assert requests == 2
        assert await posted(client, url) == b"ok"

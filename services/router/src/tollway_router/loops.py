"""Background loops that go on whatever happens to them."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 1.0


async def keep_running(name: str, loop: Callable[[], Awaitable[None]]) -> None:
    """Run a loop until cancelled, again after any error: requests are served without it."""
    while True:
        try:
            await loop()
        except Exception as error:  # a router that serves must not end by what it can do later
            log.error("loop failed, going on", loop=name, exc_info=error)
        await asyncio.sleep(PAUSE_SECONDS)

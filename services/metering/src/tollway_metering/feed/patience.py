"""Trying again in place, for as long as it takes: a record waits for the database, not elsewhere.

An error is either the world's, and then time heals it, or the record's, and then it never will.
PostgreSQL says which by its class: 22 (data exception) and 23 (integrity violation) are about what
was sent, everything else is about the server, its schema or the way to it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from aiokafka.errors import KafkaError
from faststream.exceptions import IgnoredException
from psycopg import Error as PsycopgError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tollway_metering.metrics import Metrics

log = structlog.get_logger(__name__)

T = TypeVar("T")

ATTEMPT_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
RECORDS_FAULT = ("22", "23")


class Stopping(IgnoredException):
    """The service is going down. What was not acknowledged comes again after the start.

    FastStream is told to ignore it: it is no error.
    """


class Patience:
    """Tries again until it works or the service stops."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End every waiting with `Stopping`."""
        self._stopping.set()

    async def insist(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what `attempt` returns. Raises what is its record's fault, and `Stopping`."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with asyncio.timeout(ATTEMPT_SECONDS):
                    return await attempt()
            except (SQLAlchemyError, KafkaError, OSError, TimeoutError) as error:
                if is_records_fault(error):
                    raise
                self._metrics.retries.inc()
                log.warning("waits", what=what, error=name_of(error), seconds=pause)
            await self.rest(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def rest(self, seconds: float) -> None:
        """Wait. Raises `Stopping` as soon as the service stops."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise Stopping


def name_of(error: Exception) -> str:
    """Return what kind of error it is, without what it holds."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return type(cause).__name__


def is_records_fault(error: Exception) -> bool:
    """Whether trying again is no use, because of what was to be stored."""
    if not isinstance(error, DBAPIError):
        return not isinstance(error, (SQLAlchemyError, KafkaError, OSError, TimeoutError))
    state = error.orig.sqlstate if isinstance(error.orig, PsycopgError) else None
    if state is None:  # psycopg itself refused the value, or the connection broke
        return not error.connection_invalidated and type(error.orig).__name__ == "DataError"
    return state.startswith(RECORDS_FAULT)

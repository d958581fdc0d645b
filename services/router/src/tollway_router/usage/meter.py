"""Turns every attempt into exactly one usage event in the spool."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

import structlog
from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tollway_contracts.events import UsageRecorded
from tollway_contracts.vocabulary import Outcome
from tollway_router.canonical.failure import Failure, FailureKind, RequestRefused
from tollway_router.routing.table import Route
from tollway_router.upstream.failure import UpstreamFailed
from tollway_router.usage.attempt import Asked, Attempt, Request
from tollway_router.usage.spool import Numbers, Spool
from tollway_router.usage.trace import trace_attempt

log = structlog.get_logger(__name__)

WRITE_AGAIN_SECONDS = 1.0
FIRST_BYTE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Leaver(Protocol):
    """Somebody who may go away before the answer is complete."""

    gone: bool


class Meter:
    """Begins attempts and records them. Both are synchronous, see `spool`."""

    def __init__(
        self, spool: Spool, on_recorded: Callable[[], None], metrics: CollectorRegistry
    ) -> None:
        self._spool = spool
        self._on_recorded = on_recorded
        self._tracer = trace.get_tracer("tollway.router")
        self._unwritten: deque[tuple[Attempt, Outcome]] = deque()
        self._attempts = Counter(
            "tollway_attempts",
            "Upstream attempts by how they ended",
            ["spec", "outcome"],
            registry=metrics,
        )
        self._first_byte = Histogram(
            "tollway_first_byte_seconds",
            "Time from sending an attempt to its answer's first byte",
            ["spec"],
            buckets=FIRST_BYTE_BUCKETS,
            registry=metrics,
        )
        unwritten = Gauge(
            "tollway_usage_unwritten_events",
            "Usage events that the spool did not take yet; nothing new is served meanwhile",
            registry=metrics,
        )
        unwritten.set_function(lambda: len(self._unwritten))

    def begin(
        self, request: Request, route: Route, number: int, asked: Asked, client: Leaver
    ) -> "Recording":
        """Start an attempt, of which the spool holds a trace from now on.

        Raises RequestRefused (503) where the spool takes nothing: then nothing is sent upstream.
        """
        attempt = Attempt(request, route, number, asked)
        try:
            self.write_again()
            self._spool.open(attempt.id, attempt.interrupted_event().to_json())
        except sqlite3.Error as error:
            log.error("usage cannot be recorded, refusing requests", error=str(error))
            raise _spool_broken() from error
        return Recording(self, attempt, client)

    def record(self, attempt: Attempt, outcome: Outcome) -> None:
        """Bring an ended attempt into the spool, or keep it until the spool takes it."""
        spec = attempt.route.provider.spec.value
        self._attempts.labels(spec, outcome.value).inc()
        if attempt.first_byte_ms is not None:
            self._first_byte.labels(spec).observe(attempt.first_byte_ms / 1000)
        self._unwritten.append((attempt, outcome))
        try:
            self.write_again()
        except sqlite3.Error as error:
            log.error("usage event waits in memory", attempt=attempt.id, error=str(error))

    async def write_for_ever(self) -> None:
        """Offer the spool again what it has not taken."""
        while True:
            await asyncio.sleep(WRITE_AGAIN_SECONDS)
            self.write_again()

    def write_again(self) -> None:
        """Write what the spool has not taken yet, oldest first. Raises sqlite3.Error."""
        while self._unwritten:
            attempt, outcome = self._unwritten[0]
            event = self._write(attempt, outcome)
            self._unwritten.popleft()
            self._on_recorded()
            trace_attempt(self._tracer, event, attempt.request.traceparent)

    def _write(self, attempt: Attempt, outcome: Outcome) -> UsageRecorded:
        made: list[UsageRecorded] = []

        def body(numbers: Numbers) -> bytes:
            made.append(attempt.event(outcome, numbers))
            return made[0].to_json()

        self._spool.append(attempt.id, body)
        return made[0]


class Recording:
    """An attempt while it lasts. As a context it is recorded at the end, whatever ends it."""

    def __init__(self, meter: Meter, attempt: Attempt, client: Leaver) -> None:
        self._meter = meter
        self._client = client
        self._finished = False
        self.attempt = attempt

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, UpstreamFailed):
            self.attempt.was_sent = error.sent
        self.finish(self._outcome_of(error))

    def finish(self, outcome: Outcome) -> None:
        """Record the attempt. The first time counts, later ones do nothing."""
        if not self._finished:
            self._finished = True
            self._meter.record(self.attempt, outcome)

    def _outcome_of(self, error: BaseException | None) -> Outcome:
        match error:
            case UpstreamFailed():
                return error.outcome
            case asyncio.CancelledError() if self._client.gone:
                return Outcome.CLIENT_DISCONNECTED
            case asyncio.CancelledError():
                return Outcome.ROUTER_STOPPED
            case _:
                return Outcome.ROUTER_FAILED


def _spool_broken() -> RequestRefused:
    msg = "Usage cannot be recorded right now, so nothing is served. Try again shortly."
    failure = Failure(FailureKind.OVERLOADED, msg, 503, code="usage_unavailable", retry_after=5.0)
    return RequestRefused(failure)

"""Turns every attempt into exactly one usage event in the spool."""

import sqlite3
from collections.abc import Callable

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from tollway_contracts.vocabulary import Outcome
from tollway_router.canonical.failure import Failure, FailureKind, RequestRefused
from tollway_router.routing.table import Route
from tollway_router.usage.attempt import Asked, Attempt, Request
from tollway_router.usage.spool import Spool

log = structlog.get_logger(__name__)

FIRST_BYTE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Meter:
    """Begins attempts and records them. Recording is synchronous, see `spool`."""

    def __init__(
        self, spool: Spool, on_recorded: Callable[[], None], metrics: CollectorRegistry
    ) -> None:
        self._spool = spool
        self._on_recorded = on_recorded
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

    def begin(self, request: Request, route: Route, number: int, asked: Asked) -> "Recording":
        """Start an attempt. The recording must be finished, whatever happens."""
        return Recording(self, Attempt(request, route, number, asked))

    def record(self, attempt: Attempt, outcome: Outcome) -> None:
        """Append the attempt's event to the spool. Raises RequestRefused (503) where it cannot."""
        spec = attempt.route.provider.spec.value
        self._attempts.labels(spec, outcome.value).inc()
        if attempt.first_byte_ms is not None:
            self._first_byte.labels(spec).observe(attempt.first_byte_ms / 1000)
        try:
            self._spool.append(
                attempt.id, lambda numbers: attempt.event(numbers, outcome).to_json()
            )
        except sqlite3.Error as error:
            log.error("usage could not be recorded", attempt=attempt.id, error=str(error))
            raise _spool_broken() from error
        self._on_recorded()


class Recording:
    """An attempt and whether it was recorded: the first `finish` counts, later ones do nothing."""

    def __init__(self, meter: Meter, attempt: Attempt) -> None:
        self._meter = meter
        self._finished = False
        self.attempt = attempt

    def finish(self, outcome: Outcome) -> None:
        """Record the attempt, once."""
        if not self._finished:
            self._finished = True
            self._meter.record(self.attempt, outcome)


def _spool_broken() -> RequestRefused:
    msg = "Usage cannot be recorded right now, so nothing is served. Try again shortly."
    failure = Failure(FailureKind.OVERLOADED, msg, 503, code="usage_unavailable", retry_after=5.0)
    return RequestRefused(failure)

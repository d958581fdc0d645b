"""One upstream attempt while it lasts: the facts that its usage event is made of."""

import math
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from tollway_contracts.events import ApiKeyChanged, UsageRecorded
from tollway_contracts.vocabulary import Outcome, Surface
from tollway_kit.ids import new_id
from tollway_router.canonical.usage import UsageReport
from tollway_router.routing.table import Route
from tollway_router.usage.spool import Numbers

CHARS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text; only used where a provider told nothing."""

MAX_CHARS = 256
MAX_RAW_CHARS = 64 * 1024
"""What clients and providers may add to an event: Kafka takes no record of any size."""

MAY_HAVE_RUN = frozenset(
    {
        Outcome.CLIENT_DISCONNECTED,
        Outcome.ROUTER_FAILED,
        Outcome.ROUTER_STOPPED,
        Outcome.UPSTREAM_CUT,
        Outcome.UPSTREAM_INVALID,
        Outcome.UPSTREAM_TIMEOUT,
    }
)
"""Outcomes without an answer after which the provider may have worked, and bills."""

UNNUMBERED = Numbers("", 0, 1)


class Asked(Protocol):
    """What was sent upstream; its length is only worked out where an estimate needs it."""

    @property
    def input_chars(self) -> int:
        """Characters of text in the request."""
        ...


class Measured(Protocol):
    """What an answer says about itself, while it streams by or as a whole."""

    @property
    def usage(self) -> UsageReport | None:
        """The latest usage that the provider stated."""
        ...

    @property
    def output_chars(self) -> int:
        """About how many characters came by."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the answer came to its own end."""
        ...

    @property
    def response_model(self) -> str | None:
        """The model that answers, by its own account."""
        ...

    @property
    def response_id(self) -> str | None:
        """The answer's id at the provider."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole answer's measure."""

    usage: UsageReport | None
    output_chars: int
    response_model: str | None = None
    response_id: str | None = None
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """What all attempts of one request share."""

    id: str
    surface: Surface
    key: ApiKeyChanged
    streamed: bool
    user: str | None
    traceparent: str | None = None


@dataclass(slots=True)
class Attempt:
    """Filled in as the attempt goes on. `measured` is there once an answer has begun.

    `was_sent` is whether the provider may have got the request.
    """

    request: Request
    route: Route
    number: int
    asked: Asked
    id: str = field(default_factory=lambda: new_id("use"))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    ended_at: datetime | None = None
    was_sent: bool = True
    status: int | None = None
    first_byte_ms: int | None = None
    measured: Measured | None = None

    def saw_answer(self, status: int) -> None:
        """Note that an answer has begun."""
        self.status = status
        self.saw_first_byte()

    def saw_first_byte(self) -> None:
        """Note when the answer began."""
        if self.first_byte_ms is None:
            self.first_byte_ms = int((time.monotonic() - self.started) * 1000)

    def event(self, outcome: Outcome, numbers: Numbers) -> UsageRecorded:
        """Return the usage event of the attempt; the first call says when it ended."""
        self.ended_at = self.ended_at or datetime.now(UTC)
        usage, estimated = self._usage(outcome)
        return self._event(outcome, usage, estimated, numbers)

    def interrupted_event(self) -> UsageRecorded:
        """Return the event to record if this process ends before the attempt does."""
        usage = estimate(None, self.asked.input_chars, 0)
        return self._event(Outcome.ROUTER_STOPPED, usage, True, UNNUMBERED)

    def _event(
        self, outcome: Outcome, usage: UsageReport, estimated: bool, numbers: Numbers
    ) -> UsageRecorded:
        request, route, answer = self.request, self.route, self.measured
        return UsageRecorded(
            id=self.id,
            producer=numbers.producer,
            epoch=numbers.epoch,
            sequence=numbers.sequence,
            workspace=request.key.workspace,
            request_id=request.id,
            attempt=self.number,
            occurred_at=self.started_at,
            ended_at=self.ended_at or self.started_at,
            surface=request.surface,
            spec=route.provider.spec,
            model=route.model.name,
            deployment=route.deployment.name,
            provider=route.provider.name,
            upstream_model=route.target.upstream_model,
            response_model=_short(answer.response_model if answer else None),
            response_id=_short(answer.response_id if answer else None),
            api_key_id=request.key.id,
            api_key=request.key.name,
            cost_centre=request.key.cost_centre,
            tags=request.key.tags,
            user=_short(request.user),
            streamed=request.streamed,
            outcome=outcome,
            upstream_status=self.status,
            estimated=estimated,
            raw_usage=usage.raw or None,
            meters=usage.meters,
            flags=usage.flags,
            service_tier=_short(usage.service_tier),
            region=_short(usage.region),
            first_byte_ms=self.first_byte_ms,
        )

    def _usage(self, outcome: Outcome) -> tuple[UsageReport, bool]:
        """Return what to count, and whether it is an estimate.

        A refused attempt used nothing. An answer that did not end, or came without usage, is
        estimated; so is a request that the provider may be answering to nobody.
        """
        answer = self.measured
        if answer is None:
            began = self.was_sent and self.status in {None, 200}
            if began and outcome in MAY_HAVE_RUN:
                return estimate(None, self.asked.input_chars, 0), True
            return _NOTHING, False
        if answer.finished and answer.usage is not None:
            return _bounded(answer.usage), False
        return _bounded(estimate(answer.usage, self.asked.input_chars, answer.output_chars)), True


_NOTHING = UsageReport(raw={}, meters={})


def estimate(stated: UsageReport | None, input_chars: int, output_chars: int) -> UsageReport:
    """Return usage where the provider told nothing, or stopped telling before the end.

    Input that was stated holds. Output is what came by, or what was stated if that is more; of an
    answer of which nothing came by, output is not known and has no meter.
    """
    output = math.ceil(output_chars / CHARS_PER_TOKEN)
    if stated is None:
        meters = {"input_uncached": math.ceil(input_chars / CHARS_PER_TOKEN)}
        if output:
            meters["output"] = output
        return UsageReport(raw={}, meters=meters, flags=("usage_absent",))
    raised = dict(stated.meters) | {"output": max(output, stated.meters.get("output", 0))}
    return replace(stated, meters=raised, flags=(*stated.flags, "usage_incomplete"))


def _bounded(usage: UsageReport) -> UsageReport:
    """Leave a usage object out that is too large for an event; its meters stay."""
    if len(repr(usage.raw)) <= MAX_RAW_CHARS:
        return usage
    return replace(usage, raw={}, flags=(*usage.flags, "raw_usage_too_large"))


def _short(text: str | None) -> str | None:
    return None if text is None else text[:MAX_CHARS]

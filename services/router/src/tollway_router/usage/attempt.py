"""One upstream attempt while it lasts: the facts that its usage event is made of."""

import math
import time
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole answer's measure."""

    usage: UsageReport | None
    output_chars: int
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """What all attempts of one request share."""

    id: str
    surface: Surface
    key: ApiKeyChanged
    streamed: bool
    user: str | None


@dataclass(slots=True)
class Attempt:
    """Filled in as the attempt goes on. `answer` is there once a successful one has begun."""

    request: Request
    route: Route
    number: int
    asked: Asked
    id: str = field(default_factory=lambda: new_id("use"))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    status: int | None = None
    first_byte_ms: int | None = None
    answer: Measured | None = None
    response_model: str | None = None
    response_id: str | None = None

    def saw_first_byte(self) -> None:
        """Note when the answer's body began."""
        if self.first_byte_ms is None:
            self.first_byte_ms = int((time.monotonic() - self.started) * 1000)

    def event(self, numbers: Numbers, outcome: Outcome) -> UsageRecorded:
        """Return the attempt as a usage event."""
        usage, estimated = self._usage()
        request, route = self.request, self.route
        return UsageRecorded(
            id=self.id,
            producer=numbers.producer,
            epoch=numbers.epoch,
            sequence=numbers.sequence,
            workspace=request.key.workspace,
            request_id=request.id,
            attempt=self.number,
            occurred_at=self.started_at,
            ended_at=datetime.now(UTC),
            surface=request.surface,
            spec=route.provider.spec,
            model=route.model.name,
            deployment=route.deployment.name,
            provider=route.provider.name,
            upstream_model=route.target.upstream_model,
            response_model=self.response_model,
            response_id=self.response_id,
            api_key_id=request.key.id,
            api_key=request.key.name,
            cost_centre=request.key.cost_centre,
            tags=request.key.tags,
            user=request.user,
            streamed=request.streamed,
            outcome=outcome,
            upstream_status=self.status,
            estimated=estimated,
            raw_usage=usage.raw or None,
            meters=usage.meters,
            flags=usage.flags,
            service_tier=usage.service_tier,
            region=usage.region,
            first_byte_ms=self.first_byte_ms,
        )

    def _usage(self) -> tuple[UsageReport, bool]:
        """Return what to count, and whether it is an estimate.

        A refused attempt used nothing. An answer that began and did not end, or that came without
        usage, is estimated.
        """
        if self.answer is None:
            return _NOTHING, False
        if self.answer.finished and self.answer.usage is not None:
            return self.answer.usage, False
        return estimate(self.answer.usage, self.asked.input_chars, self.answer.output_chars), True


_NOTHING = UsageReport(raw={}, meters={})


def estimate(stated: UsageReport | None, input_chars: int, output_chars: int) -> UsageReport:
    """Return usage where the provider told nothing, or stopped telling before the end.

    Input that was stated holds. Output is what came by, or what was stated if that is more.
    """
    output = math.ceil(output_chars / CHARS_PER_TOKEN)
    if stated is None:
        known = math.ceil(input_chars / CHARS_PER_TOKEN)
        meters = {"input_uncached": known, "output": output}
        return UsageReport(raw={}, meters=meters, flags=("usage_absent",))
    raised = dict(stated.meters) | {"output": max(output, stated.meters.get("output", 0))}
    return UsageReport(
        raw=stated.raw,
        meters=raised,
        flags=(*stated.flags, "usage_incomplete"),
        service_tier=stated.service_tier,
        region=stated.region,
    )

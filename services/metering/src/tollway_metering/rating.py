"""What a measured attempt costs: meters x price rows. Pure; the bill is decided here.

An attempt is charged whole or not at all. A meter without a price never counts as free.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tollway_contracts.vocabulary import INFORMATIONAL_METERS, Meter, Outcome
from tollway_metering.money import ZERO, amount_of, total_of


@dataclass(frozen=True, slots=True)
class Usage:
    """A usage event, as far as its price and the reports' groups depend on it."""

    id: str
    workspace: str
    model: str
    deployment: str
    provider: str
    api_key: str
    cost_centre: str | None
    outcome: Outcome
    occurred_at: datetime
    meters: Mapping[Meter, int]


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One unit price: `usd` for `per_units`, from `valid_from` until before `valid_to`."""

    id: int
    price_id: str
    revision: int
    deployment: str | None
    meter: Meter
    usd: Decimal
    per_units: int
    valid_from: datetime
    valid_to: datetime | None
    recorded_at: datetime

    def holds_for(self, deployment: str, at: datetime) -> bool:
        """Whether the row may price use of `deployment` at a time."""
        return (
            self.deployment in (None, deployment)
            and self.valid_from <= at
            and (self.valid_to is None or at < self.valid_to)
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a charge."""

    meter: Meter
    quantity: int
    price: PriceRow
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """What an attempt costs. No lines: nothing was measured, and that costs nothing."""

    lines: tuple[Line, ...]
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Unpriced:
    """The attempt cannot be charged: these meters have no price that holds for it."""

    missing: tuple[Meter, ...]


NOTHING_MEASURED = Charge(lines=(), amount=ZERO)


class PriceList:
    """The price rows of one model, and which of them goes before which."""

    def __init__(self, rows: Iterable[PriceRow]) -> None:
        self._rows: dict[Meter, list[PriceRow]] = {}
        for row in sorted(rows, key=_precedence, reverse=True):
            self._rows.setdefault(row.meter, []).append(row)

    def price(self, meter: Meter, deployment: str, at: datetime) -> PriceRow | None:
        """Return the row that prices a meter of a deployment at a time, None without one."""
        rows = self._rows.get(meter, ())
        return next((row for row in rows if row.holds_for(deployment, at)), None)


def rate(usage: Usage, prices: PriceList) -> Charge | Unpriced:
    """Price an attempt by the time at which it happened."""
    lines: list[Line] = []
    missing: list[Meter] = []
    for meter, quantity in _chargeable(usage):
        price = prices.price(meter, usage.deployment, usage.occurred_at)
        if price is not None:
            amount = amount_of(quantity, price.usd, price.per_units)
            lines.append(Line(meter, quantity, price, amount))
        elif meter is not Meter.REQUESTS:  # most models have no price for a request as such
            missing.append(meter)
    if missing:
        return Unpriced(tuple(missing))
    if not lines:
        return NOTHING_MEASURED
    return Charge(tuple(lines), total_of(line.amount for line in lines))


def _chargeable(usage: Usage) -> Sequence[tuple[Meter, int]]:
    """Return what needs a price, in the vocabulary's order, however the event ordered it."""
    meters = dict(usage.meters)
    if usage.outcome is Outcome.OK:
        meters.setdefault(Meter.REQUESTS, 1)
    return [
        (meter, meters[meter])
        for meter in Meter
        if meters.get(meter) and meter not in INFORMATIONAL_METERS
    ]


def _precedence(row: PriceRow) -> tuple[bool, datetime, datetime, int]:
    """A deployment's own price goes first, then the latest to begin, then the latest recorded."""
    return (row.deployment is not None, row.valid_from, row.recorded_at, row.id)

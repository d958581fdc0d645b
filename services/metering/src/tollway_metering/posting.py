"""What rated usage writes to the ledger: charges, their lines, unpriced usage, rollups. Pure.

Rollups are sums by 15-minute bucket, the longest span of which every time zone's hours and days
are made. What is unpriced is summed in series of its own, so that it is never mixed with charges.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from tollway_contracts.vocabulary import Meter
from tollway_kit.ids import new_id
from tollway_metering.money import ZERO, plain, total_of
from tollway_metering.rating import Charge, Unpriced, Usage

BUCKET = timedelta(minutes=15)
CURRENCY = "USD"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """The values by which rollups can be told apart."""

    workspace: str
    model: str
    deployment: str
    provider: str
    api_key: str
    cost_centre: str | None
    outcome: str
    priced: bool

    @property
    def id(self) -> str:
        """An id that follows from the values, so that nobody needs to look it up."""
        digest = blake2b(digest_size=16)
        for name in self.__slots__:
            value = getattr(self, name)
            digest.update(b"-" if value is None else f"={value}".encode())
            digest.update(b"\0")
        return digest.hexdigest()


@dataclass(slots=True)
class Sums:
    """What is added to one series in one bucket. Subtracted, where usage leaves a series."""

    requests: int = 0
    amount: Decimal = ZERO
    quantities: dict[Meter, int] = field(default_factory=dict)
    amounts: dict[Meter, Decimal] = field(default_factory=dict)


class Posting:
    """Collects the rows that belong into one transaction."""

    def __init__(self) -> None:
        self.charges: list[Row] = []
        self.lines: list[Row] = []
        self.unpriced: list[Row] = []
        self._series: dict[Series, str] = {}
        self._sums: dict[tuple[str, datetime], Sums] = {}

    def add(self, usage: Usage, rating: Charge | Unpriced) -> None:
        """Post usage for the first time."""
        if isinstance(rating, Charge):
            self._charge(usage, rating)
            return
        self.unpriced.append(
            {
                "usage_event_id": usage.id,
                "workspace": usage.workspace,
                "model": usage.model,
                "missing": list(rating.missing),
            }
        )
        self._count(usage, priced=False, sign=1)

    def charge_late(self, usage: Usage, charge: Charge) -> None:
        """Post the charge of usage that was posted as unpriced."""
        self._count(usage, priced=False, sign=-1)
        self._charge(usage, charge)

    def series(self) -> list[Row]:
        """Return the series that the rollups need."""
        return [
            {"id": series_id, **{name: getattr(series, name) for name in Series.__slots__}}
            for series, series_id in sorted(self._series.items(), key=lambda item: item[1])
        ]

    def rollups(self) -> list[Row]:
        """Return what is added to the rollups, in the order in which rows are locked."""
        return [
            {
                "series_id": series_id,
                "bucket": bucket,
                "requests": sums.requests,
                "amount": plain(sums.amount),
            }
            for (series_id, bucket), sums in sorted(self._sums.items(), key=_place)
        ]

    def meter_rollups(self) -> list[Row]:
        """Return what is added to the rollups by meter, in the order in which rows are locked."""
        return [
            {
                "series_id": series_id,
                "bucket": bucket,
                "meter": meter,
                "quantity": str(quantity),
                "amount": plain(sums.amounts.get(meter, ZERO)),
            }
            for (series_id, bucket), sums in sorted(self._sums.items(), key=_place)
            for meter, quantity in sorted(sums.quantities.items())
        ]

    def _charge(self, usage: Usage, charge: Charge) -> None:
        charge_id = new_id("chg")
        self.charges.append(
            {
                "id": charge_id,
                "usage_event_id": usage.id,
                "workspace": usage.workspace,
                "amount": plain(charge.amount),
                "currency": CURRENCY,
            }
        )
        self.lines.extend(
            {
                "charge_id": charge_id,
                "meter": line.meter,
                "quantity": str(line.quantity),
                "price_row_id": line.price.id,
                "amount": plain(line.amount),
            }
            for line in charge.lines
        )
        sums = self._count(usage, priced=True, sign=1)
        sums.amount = total_of((sums.amount, charge.amount))
        for line in charge.lines:
            sums.amounts[line.meter] = total_of((sums.amounts.get(line.meter, ZERO), line.amount))
            if line.meter not in usage.meters:  # a request as such is not stated, and yet charged
                sums.quantities[line.meter] = sums.quantities.get(line.meter, 0) + line.quantity

    def _count(self, usage: Usage, *, priced: bool, sign: int) -> Sums:
        series = _series(usage, priced)
        series_id = self._series.get(series)
        if series_id is None:
            series_id = self._series[series] = series.id
        sums = self._sums.setdefault((series_id, bucket_of(usage.occurred_at)), Sums())
        sums.requests += sign
        for meter, quantity in usage.meters.items():
            sums.quantities[meter] = sums.quantities.get(meter, 0) + sign * quantity
        return sums


def bucket_of(at: datetime) -> datetime:
    """Return the beginning of the 15-minute bucket that a time belongs to."""
    utc = at.astimezone(UTC)
    return utc.replace(minute=utc.minute - utc.minute % 15, second=0, microsecond=0)


def _series(usage: Usage, priced: bool) -> Series:
    return Series(
        workspace=usage.workspace,
        model=usage.model,
        deployment=usage.deployment,
        provider=usage.provider,
        api_key=usage.api_key,
        cost_centre=usage.cost_centre,
        outcome=usage.outcome.value,
        priced=priced,
    )


def _place(item: tuple[tuple[str, datetime], Sums]) -> tuple[str, datetime]:
    return item[0]

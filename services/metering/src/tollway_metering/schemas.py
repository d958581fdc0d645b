"""What the API answers, as its OpenAPI document describes it. Amounts are decimal strings."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from tollway_contracts.http import Page
from tollway_contracts.vocabulary import Meter, Outcome
from tollway_contracts.wire import Instant, Wire

Amount = Annotated[str, Field(pattern=r"^\d+(\.\d*[1-9])?$", examples=["0.000325"])]
RawUsage = Annotated[
    dict[str, JsonValue] | None,
    Field(description="The provider's usage object word for word; null where it told nothing."),
]
Meters = Annotated[
    dict[Meter, int],
    Field(description="Disjoint counts. A meter that is absent was not stated, which is not zero."),
]


class UsageItem(Wire):
    """One upstream attempt. Without a price it has neither amount nor charge."""

    id: str
    request_id: str
    attempt: int
    model: str
    deployment: str
    provider: str
    api_key: str
    outcome: Outcome
    estimated: bool
    flags: tuple[str, ...]
    raw_usage: RawUsage
    meters: Meters
    amount: Amount | None
    charge_id: str | None
    occurred_at: Instant


class UsagePage(Page[UsageItem]):
    """A page of usage, the earliest first."""


class UnpricedMeter(Wire):
    """How much of a model's usage lacks the price of one meter."""

    model: str
    meter: Meter
    requests: int
    quantity: int
    first_occurred_at: Instant
    last_occurred_at: Instant


class UnpricedSummary(Wire):
    """What waits for a price."""

    items: tuple[UnpricedMeter, ...]


class ReceiptLine(Wire):
    """A quantity, the price that was in force, and what they make."""

    meter: Meter
    quantity: int
    unit_price_usd: Amount
    per_units: int
    price_id: str
    price_name: str
    price_revision: int
    valid_from: Instant
    amount: Amount
    arithmetic: Annotated[str, Field(examples=["1200 × 0.25 / 1000000 = 0.0003"])]


class Receipt(Wire):
    """Everything that a charge rests on."""

    charge_id: str
    usage_event_id: str
    request_id: str
    attempt: int
    model: str
    deployment: str
    provider: str
    occurred_at: Instant
    currency: Literal["USD"]
    raw_usage: RawUsage
    meters: Meters
    estimated: bool
    flags: tuple[str, ...]
    lines: tuple[ReceiptLine, ...]
    total: Amount

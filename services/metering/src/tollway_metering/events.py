"""What the consumed records say: usage events, and what happened to prices.

A record is read by itself. What cannot be read raises `Unreadable` with a reason for people.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from aiokafka import ConsumerRecord
from pydantic import ValidationError

from tollway_contracts.events import ResourceChanged, UsageRecorded
from tollway_contracts.resources import Price
from tollway_contracts.topics import MODELS, USAGE
from tollway_metering.rating import Usage

Record = ConsumerRecord[bytes | None, bytes | None]

EVENT_TYPE_HEADER = "ce_type"
REASON_LENGTH = 1000


class Unreadable(Exception):
    """A record that says nothing which this service understands."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A usage event, and the provider's usage object word for word as JSON text."""

    event: UsageRecorded
    raw_usage: str | None

    @property
    def usage(self) -> Usage:
        """What the price depends on."""
        event = self.event
        return Usage(
            id=storable(event.id),
            workspace=event.workspace,
            model=event.model,
            deployment=event.deployment,
            provider=event.provider,
            api_key=event.api_key,
            cost_centre=storable(event.cost_centre),
            outcome=event.outcome,
            occurred_at=event.occurred_at,
            meters=event.meters,
        )


@dataclass(frozen=True, slots=True)
class PriceRemoved:
    """A price resource is gone. Charges made with it stay."""

    workspace: str
    price_id: str


class _Verbatim(msgspec.Struct):
    """The one field that is kept as text; either case, as the contract reads it."""

    raw_usage: msgspec.Raw = msgspec.Raw()
    rawUsage: msgspec.Raw = msgspec.Raw()  # noqa: N815 - the wire's name


LARGEST_COUNT = 2**63 - 1

_VERBATIM = msgspec.json.Decoder(_Verbatim)
_NULL = b"null"


def read_usage(record: Record) -> Measured:
    """Return the usage event in a record. Raises Unreadable."""
    body = _body(record, USAGE.event_type)
    if body is None:
        msg = "the record has no body"
        raise Unreadable(msg)
    try:
        event = UsageRecorded.from_newer(body)
        verbatim = _VERBATIM.decode(body)
    except ValidationError as error:
        raise Unreadable(_explained(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"not JSON: {error}") from error
    for meter, count in event.meters.items():
        if count > LARGEST_COUNT:
            msg = f"meters.{meter}: no count has more than 64 bits"
            raise Unreadable(msg)
    raw = bytes(verbatim.raw_usage or verbatim.rawUsage)
    return Measured(event, None if raw in (b"", _NULL) else raw.decode())


def read_price(record: Record) -> Price | PriceRemoved | None:
    """Return what a record of the registry says about a price, None for what is none.

    A tombstone does not tell what it buries; it may be that of a price. Raises Unreadable.
    """
    body = _body(record, MODELS.event_type)
    if body is None:
        workspace, _, resource = (record.key or b"").decode(errors="replace").partition("/")
        return PriceRemoved(workspace, resource)
    try:
        changed = ResourceChanged.from_newer(body).root
    except ValidationError as error:
        raise Unreadable(_explained(error)) from error
    return changed if isinstance(changed, Price) else None


def storable(text: Any) -> Any:
    """Return text as PostgreSQL can hold it: without U+0000, which clients may have sent."""
    if isinstance(text, str) and "\0" in text:
        return text.replace("\0", "\ufffd")
    return text


def _body(record: Record, expected: str) -> bytes | None:
    for name, value in record.headers:
        if name == EVENT_TYPE_HEADER and value != expected.encode():
            msg = f"the event's type is {value!r}, not {expected}"
            raise Unreadable(msg[:REASON_LENGTH])
    return record.value


def _explained(error: ValidationError) -> str:
    """Say where an event does not fit and why, never what it holds."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    places = (".".join(str(part) for part in item["loc"]) or "body" for item in found)
    reasons = (f"{place}: {item['msg']}" for place, item in zip(places, found, strict=True))
    return "; ".join(reasons)[:REASON_LENGTH]

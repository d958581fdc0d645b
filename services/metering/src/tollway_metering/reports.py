"""Answers what usage cost, down to the provider's own numbers. Reads only.

Answers that hold a provider's usage object are made as JSON text, so that it stays word for word.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from pydantic import JsonValue
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tollway_contracts.http import Costs
from tollway_contracts.vocabulary import Meter
from tollway_kit.errors import NotFound, Unavailable
from tollway_kit.paging import write_cursor
from tollway_metering.money import plain, total_of
from tollway_metering.periods import Periods, Span
from tollway_metering.schemas import UnpricedMeter, UnpricedSummary
from tollway_metering.store import AnyRow, Rows
from tollway_metering.store import reports as sums
from tollway_metering.store import usage as store
from tollway_metering.store.usage import Place, Wanted

Object = dict[str, Any]

_NULL = msgspec.Raw(b"null")
_IN_ORDER = tuple(Meter)


class Reports:
    """The reading side of the ledger."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def costs(
        self, workspace: str, span: Span, periods: Periods, keys: Sequence[str]
    ) -> Costs:
        """Sum a workspace's charges over a span, by period and by the values of `keys`."""
        async with self._reading() as connection:
            totals = await sums.totals(connection, workspace, span, periods, keys)
            quantities = await sums.quantities(connection, workspace, span, periods, keys)
        rows = _rows(totals, quantities, periods, keys)
        return Costs(
            from_=span.start,
            to=span.end,
            total=plain(total_of(row.amount for row in totals if row.priced)),
            rows=tuple(rows),
            unpriced=_unpriced(totals, quantities),
        )

    async def usage(self, workspace: str, wanted: Wanted, after: Place | None, limit: int) -> bytes:
        """Return a page of usage events as JSON."""
        async with self._reading() as connection:
            rows = await store.usage_events(connection, workspace, wanted, after, limit + 1)
        page = rows[:limit]
        last = page[-1] if len(rows) > limit else None
        cursor = None if last is None else write_cursor(last.occurred_at.isoformat(), last.id)
        return msgspec.json.encode({"items": [_item(row) for row in page], "next": cursor})

    async def unpriced(self, workspace: str) -> UnpricedSummary:
        """Return what waits for a price, by model and missing meter."""
        async with self._reading() as connection:
            rows = await sums.unpriced_by_meter(connection, workspace)
        return UnpricedSummary(items=tuple(UnpricedMeter(**row) for row in rows))

    async def receipt(self, workspace: str, charge_id: str) -> bytes:
        """Return everything that a charge rests on, as JSON. Raises NotFound."""
        async with self._reading() as connection:
            charge = await store.find_charge(connection, workspace, charge_id)
            if charge is None:
                msg = "There is no such charge in the workspace."
                raise NotFound(msg)
            lines = await store.charge_lines(connection, workspace, charge_id)
        receipt = {
            "charge_id": charge.charge_id,
            "usage_event_id": charge.id,
            **_attempt(charge),
            "currency": charge.currency,
            "lines": [_line(row) for row in sorted(lines, key=_meter_order)],
            "total": plain(charge.amount),
        }
        return msgspec.json.encode(receipt)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that sees one state of the ledger. Raises Unavailable."""
        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            msg = "The ledger does not answer now; try again."
            raise Unavailable(msg) from error


def _rows(
    totals: Rows, quantities: Rows, periods: Periods, keys: Sequence[str]
) -> list[dict[str, JsonValue]]:
    meters: dict[tuple[Any, ...], dict[str, JsonValue]] = {}
    for row in sorted(quantities, key=_meter_order):
        if row.priced:
            place = _place(row, keys)
            meters.setdefault(place, {})[row.meter] = int(row.quantity)
    priced = sorted((row for row in totals if row.priced), key=lambda row: _order(row, keys))
    return [
        {
            **{key: getattr(row, key) for key in keys},
            "period": periods.label(row.number),
            "amount": plain(row.amount),
            "requests": int(row.requests),
            "meters": meters.get(_place(row, keys), {}),
        }
        for row in priced
    ]


def _unpriced(totals: Rows, quantities: Rows) -> dict[str, JsonValue]:
    meters: dict[str, JsonValue] = {
        row.meter: int(row.quantity)
        for row in sorted(quantities, key=_meter_order)
        if not row.priced and row.quantity
    }
    return {
        "requests": sum(int(row.requests) for row in totals if not row.priced),
        "meters": meters,
    }


def _place(row: AnyRow, keys: Sequence[str]) -> tuple[Any, ...]:
    return (row.number, *(getattr(row, key) for key in keys))


def _order(row: AnyRow, keys: Sequence[str]) -> tuple[Any, ...]:
    values = (getattr(row, key) for key in keys)
    return (row.number, *((value is None, value or "") for value in values))


def _meter_order(row: AnyRow) -> int:
    return _IN_ORDER.index(row.meter)


def _item(row: AnyRow) -> Object:
    return {
        "id": row.id,
        **_attempt(row),
        "api_key": row.api_key,
        "outcome": row.outcome,
        "amount": None if row.amount is None else plain(row.amount),
        "charge_id": row.charge_id,
    }


def _attempt(row: AnyRow) -> Object:
    return {
        "request_id": row.request_id,
        "attempt": row.attempt,
        "model": row.model,
        "deployment": row.deployment,
        "provider": row.provider,
        "occurred_at": row.occurred_at,
        "raw_usage": _NULL if row.raw_usage is None else msgspec.Raw(row.raw_usage.encode()),
        "meters": row.meters,
        "estimated": row.estimated,
        "flags": row.flags,
    }


def _line(row: AnyRow) -> Object:
    price, amount = plain(row.usd), plain(row.amount)
    return {
        "meter": row.meter,
        "quantity": int(row.quantity),
        "unit_price_usd": price,
        "per_units": row.per_units,
        "price_id": row.price_id,
        "price_name": row.price_name,
        "price_revision": row.revision,
        "valid_from": row.valid_from,
        "amount": amount,
        "arithmetic": f"{row.quantity:f} × {price} / {row.per_units} = {amount}",
    }

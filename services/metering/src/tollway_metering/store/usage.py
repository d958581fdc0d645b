"""Usage events and their charges, as people look at them one by one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_metering.store import AnyRow, Rows
from tollway_metering.tables import charge, charge_line, price_row, usage_event

_SHOWN = (
    "id",
    "request_id",
    "attempt",
    "model",
    "deployment",
    "provider",
    "api_key",
    "outcome",
    "estimated",
    "flags",
    "raw_usage",
    "meters",
    "occurred_at",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which usage events to list. Absent is any."""

    request_id: str | None = None
    model: str | None = None
    api_key: str | None = None
    start: datetime | None = None
    end: datetime | None = None


Place = tuple[datetime, str]
"""Where a usage event stands in a list: when it happened, and its id."""


async def usage_events(
    connection: AsyncConnection, workspace: str, wanted: Wanted, after: Place | None, limit: int
) -> Rows:
    """Return usage events, the earliest first, with the amount and id of their charge."""
    columns = usage_event.c
    statement = (
        select(*(columns[name] for name in _SHOWN), charge.c.id.label("charge_id"), charge.c.amount)
        .outerjoin_from(usage_event, charge, charge.c.usage_event_id == columns.id)
        .where(columns.workspace == workspace)
        .order_by(columns.occurred_at, columns.id)
        .limit(limit)
    )
    for column, value in (
        (columns.request_id, wanted.request_id),
        (columns.model, wanted.model),
        (columns.api_key, wanted.api_key),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.start is not None:
        statement = statement.where(columns.occurred_at >= wanted.start)
    if wanted.end is not None:
        statement = statement.where(columns.occurred_at < wanted.end)
    if after is not None:
        statement = statement.where(tuple_(columns.occurred_at, columns.id) > tuple_(*after))
    return (await connection.execute(statement)).all()


async def find_charge(connection: AsyncConnection, workspace: str, charge_id: str) -> AnyRow | None:
    """Return a charge with the usage event that it charges, None without one."""
    statement = (
        select(
            *(usage_event.c[name] for name in _SHOWN),
            charge.c.id.label("charge_id"),
            charge.c.amount,
            charge.c.currency,
        )
        .join_from(charge, usage_event, usage_event.c.id == charge.c.usage_event_id)
        .where(charge.c.workspace == workspace, charge.c.id == charge_id)
    )
    return (await connection.execute(statement)).one_or_none()


async def charge_lines(connection: AsyncConnection, workspace: str, charge_id: str) -> Rows:
    """Return a charge's lines with the price rows that they rest on."""
    statement = (
        select(
            charge_line.c.meter,
            charge_line.c.quantity,
            charge_line.c.amount,
            *(
                price_row.c[name]
                for name in ("price_id", "price_name", "revision", "usd", "per_units", "valid_from")
            ),
        )
        .join_from(charge_line, charge, charge.c.id == charge_line.c.charge_id)
        .join(price_row, price_row.c.id == charge_line.c.price_row_id)
        .where(charge.c.workspace == workspace, charge.c.id == charge_id)
    )
    return (await connection.execute(statement)).all()

"""Usage events, charges, rollups: written once each, many at a time."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_contracts.vocabulary import Meter, Outcome
from tollway_metering.events import Measured, storable
from tollway_metering.posting import Posting, Row
from tollway_metering.rating import Usage
from tollway_metering.store import AnyRow
from tollway_metering.store.locks import ModelKey
from tollway_metering.store.recordset import parameters, recordset
from tollway_metering.tables import (
    charge,
    charge_line,
    rollup,
    rollup_meter,
    rollup_series,
    unpriced_usage,
    usage_event,
)

_AS_IT_IS = (
    "id",
    "producer",
    "epoch",
    "sequence",
    "workspace",
    "request_id",
    "attempt",
    "occurred_at",
    "ended_at",
    "surface",
    "spec",
    "model",
    "deployment",
    "provider",
    "upstream_model",
    "response_model",
    "response_id",
    "api_key_id",
    "api_key",
    "cost_centre",
    "user",
    "streamed",
    "outcome",
    "upstream_status",
    "estimated",
    "service_tier",
    "region",
    "first_byte_ms",
)
_EVENT = (*_AS_IT_IS, "tags", "flags", "meters", "raw_usage")
_USAGE = tuple(Usage.__slots__)


def _insert(table: Any, *names: str) -> Insert:
    return insert(table).from_select(names, recordset(table, *names))


_INSERT_EVENTS = _insert(usage_event, *_EVENT).on_conflict_do_nothing().returning(usage_event.c.id)
_INSERT_CHARGES = _insert(charge, "id", "usage_event_id", "workspace", "amount", "currency")
_INSERT_LINES = _insert(charge_line, "charge_id", "meter", "quantity", "price_row_id", "amount")
_INSERT_UNPRICED = _insert(unpriced_usage, "usage_event_id", "workspace", "model", "missing")
_INSERT_SERIES = _insert(rollup_series, *rollup_series.c.keys()).on_conflict_do_nothing()


def _adding(statement: Insert, keys: Sequence[str], sums: Sequence[str]) -> Insert:
    table = statement.table
    added = {name: table.c[name] + statement.excluded[name] for name in sums}
    return statement.on_conflict_do_update(index_elements=keys, set_=added)


_ADD_ROLLUPS = _adding(
    _insert(rollup, "series_id", "bucket", "requests", "amount"),
    ("series_id", "bucket"),
    ("requests", "amount"),
)
_ADD_METERS = _adding(
    _insert(rollup_meter, "series_id", "bucket", "meter", "quantity", "amount"),
    ("series_id", "bucket", "meter"),
    ("quantity", "amount"),
)


async def insert_events(connection: AsyncConnection, measured: Iterable[Measured]) -> set[str]:
    """Store usage events; return the ids of those that were not stored before."""
    rows = [_event_row(item) for item in measured]
    return set((await connection.execute(_INSERT_EVENTS, parameters(rows))).scalars())


async def insert_posting(connection: AsyncConnection, posting: Posting) -> None:
    """Store charges with their lines, unpriced usage, and add to the rollups."""
    for statement, rows in (
        (_INSERT_CHARGES, posting.charges),
        (_INSERT_LINES, posting.lines),
        (_INSERT_UNPRICED, posting.unpriced),
        (_INSERT_SERIES, posting.series()),
        (_ADD_ROLLUPS, posting.rollups()),
        (_ADD_METERS, posting.meter_rollups()),
    ):
        if rows:
            await connection.execute(statement, parameters(rows))


async def waiting(
    connection: AsyncConnection, key: ModelKey, *, after: str, limit: int
) -> list[tuple[Usage, list[str]]]:
    """Return usage of a model that has no price yet, by id, with the meters that lack one."""
    workspace, model = key
    columns = [usage_event.c[name] for name in _USAGE]
    statement = (
        select(*columns, unpriced_usage.c.missing)
        .join_from(unpriced_usage, usage_event)
        .where(
            unpriced_usage.c.workspace == workspace,
            unpriced_usage.c.model == model,
            unpriced_usage.c.usage_event_id > after,
        )
        .order_by(unpriced_usage.c.usage_event_id)
        .limit(limit)
    )
    return [(_usage(row), row.missing) for row in await connection.execute(statement)]


async def not_waiting(connection: AsyncConnection, workspace: str, ids: Sequence[str]) -> None:
    """Take charged usage out of the queue."""
    statement = delete(unpriced_usage).where(
        unpriced_usage.c.workspace == workspace, unpriced_usage.c.usage_event_id.in_(ids)
    )
    await connection.execute(statement)


async def still_missing(
    connection: AsyncConnection, workspace: str, usage_id: str, missing: Sequence[Meter]
) -> None:
    """Note which meters of unpriced usage lack a price now."""
    statement = update(unpriced_usage).where(
        unpriced_usage.c.workspace == workspace, unpriced_usage.c.usage_event_id == usage_id
    )
    await connection.execute(statement.values(missing=list(missing)))


def _event_row(measured: Measured) -> Row:
    event = measured.event
    row = {name: storable(getattr(event, name)) for name in _AS_IT_IS}
    row["tags"] = {storable(name): storable(value) for name, value in event.tags.items()}
    row["flags"] = [storable(flag) for flag in event.flags]
    row["meters"] = event.meters
    row["raw_usage"] = measured.raw_usage
    return row


def _usage(row: AnyRow) -> Usage:
    values = {name: getattr(row, name) for name in _USAGE}
    values["outcome"] = Outcome(row.outcome)
    values["meters"] = {Meter(name): quantity for name, quantity in row.meters.items()}
    return Usage(**values)

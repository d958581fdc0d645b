"""The sums of reports: whole buckets from the rollups, the edges from the usage events themselves.

Both are turned into the same cells (a time, the group's values, numbers) and then summed.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Numeric,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import CTE

from tollway_contracts.vocabulary import Meter
from tollway_metering.periods import Periods, Span
from tollway_metering.store import Rows
from tollway_metering.tables import (
    charge,
    charge_line,
    rollup,
    rollup_meter,
    rollup_series,
    unpriced_usage,
    usage_event,
)

GROUP_KEYS = ("model", "api_key", "deployment", "provider", "outcome", "cost_centre")


async def totals(
    connection: AsyncConnection, workspace: str, span: Span, periods: Periods, keys: Sequence[str]
) -> Rows:
    """Return requests and amount by period, group and whether priced."""
    cells = union_all(
        _of_rollups(rollup, workspace, span, rollup.c.requests, rollup.c.amount),
        _of_events(workspace, span).add_columns(
            literal(1, BigInteger).label("requests"),
            func.coalesce(charge.c.amount, 0).label("amount"),
        ),
    ).cte("cell")
    statement = _summed(cells, periods, keys, (), ("requests", "amount"))
    rows: Rows = (await connection.execute(statement)).all()
    return rows


async def quantities(
    connection: AsyncConnection, workspace: str, span: Span, periods: Periods, keys: Sequence[str]
) -> Rows:
    """Return each meter's quantity by period, group and whether priced."""
    stated = func.jsonb_each_text(usage_event.c.meters).table_valued("key", "value", name="stated")
    cells = union_all(
        _of_rollups(rollup_meter, workspace, span, rollup_meter.c.meter, rollup_meter.c.quantity),
        _of_events(workspace, span)
        .join(stated, literal(True))
        .add_columns(stated.c.key, cast(stated.c.value, Numeric)),
        # A request as such is charged without being stated.
        _of_events(workspace, span)
        .join(charge_line, charge_line.c.charge_id == charge.c.id)
        .where(
            charge_line.c.meter == Meter.REQUESTS.value,
            usage_event.c.meters.has_key(Meter.REQUESTS.value).is_(False),
        )
        .add_columns(charge_line.c.meter, charge_line.c.quantity),
    ).cte("cell")
    statement = _summed(cells, periods, keys, ("meter",), ("quantity",))
    rows: Rows = (await connection.execute(statement)).all()
    return rows


async def unpriced_by_meter(connection: AsyncConnection, workspace: str) -> Sequence[RowMapping]:
    """Return what waits for a price, by model and by the meter that lacks it."""
    missing = (
        func.unnest(unpriced_usage.c.missing).table_valued("meter", name="lacking").render_derived()
    )
    quantity = cast(usage_event.c.meters[missing.c.meter].astext, Numeric)
    statement = (
        select(
            unpriced_usage.c.model,
            missing.c.meter,
            func.count().label("requests"),
            func.sum(quantity).label("quantity"),
            func.min(usage_event.c.occurred_at).label("first_occurred_at"),
            func.max(usage_event.c.occurred_at).label("last_occurred_at"),
        )
        .join_from(unpriced_usage, usage_event)
        .join(missing, literal(True))
        .where(unpriced_usage.c.workspace == workspace)
        .group_by(unpriced_usage.c.model, missing.c.meter)
        .order_by(unpriced_usage.c.model, missing.c.meter)
    )
    return (await connection.execute(statement)).mappings().all()


def _of_rollups(
    table: Any, workspace: str, span: Span, *numbers: ColumnElement[Any]
) -> Select[Any]:
    inner = span.inner
    return (
        select(
            *(rollup_series.c[key] for key in GROUP_KEYS),
            rollup_series.c.priced,
            table.c.bucket.label("at"),
            *numbers,
        )
        .join_from(rollup_series, table)
        .where(
            rollup_series.c.workspace == workspace,
            table.c.bucket >= inner.start,
            table.c.bucket < inner.end,
        )
    )


def _of_events(workspace: str, span: Span) -> Select[Any]:
    occurred = usage_event.c.occurred_at
    return (
        select(
            *(usage_event.c[key] for key in GROUP_KEYS),
            charge.c.id.is_not(None).label("priced"),
            occurred.label("at"),
        )
        .outerjoin_from(usage_event, charge, charge.c.usage_event_id == usage_event.c.id)
        .where(
            usage_event.c.workspace == workspace,
            or_(*(and_(occurred >= edge.start, occurred < edge.end) for edge in span.edges)),
        )
    )


def _summed(
    cells: CTE, periods: Periods, keys: Sequence[str], names: Sequence[str], sums: Sequence[str]
) -> Select[Any]:
    """Sum cells by period and group; what has no price is summed in one."""
    starts = bindparam("starts", list(periods.starts), type_=ARRAY(DateTime(timezone=True)))
    placed = select(
        cells.c.priced,
        case((cells.c.priced, func.width_bucket(cells.c.at, starts))).label("number"),
        *(case((cells.c.priced, cells.c[key])).label(key) for key in keys),
        *(cells.c[name] for name in (*names, *sums)),
    ).subquery("placed")
    groups = [placed.c[name] for name in ("priced", "number", *keys, *names)]
    summed = [func.sum(placed.c[name]).label(name) for name in sums]
    return select(*groups, *summed).group_by(*groups)

"""The price book: what each price resource said, in each revision, about each meter."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tollway_contracts.resources import Price
from tollway_contracts.vocabulary import Meter
from tollway_metering.rating import PriceList, PriceRow
from tollway_metering.store import AnyRow
from tollway_metering.store.locks import ModelKey
from tollway_metering.tables import price_row

SOURCE = "registry"

_COLUMNS = [price_row.c[name] for name in PriceRow.__slots__]


async def price_lists(
    connection: AsyncConnection, models: Collection[ModelKey]
) -> dict[ModelKey, PriceList]:
    """Return the latest word about the prices of each of these models."""
    statement = select(price_row.c.workspace, price_row.c.model, *_COLUMNS).where(
        tuple_(price_row.c.workspace, price_row.c.model).in_(models),
        price_row.c.recorded_to.is_(None),
    )
    rows: dict[ModelKey, list[PriceRow]] = defaultdict(list)
    for row in await connection.execute(statement):
        rows[row.workspace, row.model].append(_price_row(row))
    return {key: PriceList(rows[key]) for key in models}


async def latest_revision(connection: AsyncConnection, workspace: str, price_id: str) -> int:
    """Return the latest revision of a price that was recorded, 0 for an unknown price."""
    statement = select(func.coalesce(func.max(price_row.c.revision), 0)).where(
        price_row.c.workspace == workspace, price_row.c.price_id == price_id
    )
    revision: int = (await connection.execute(statement)).scalar_one()
    return revision


async def priced_models(
    connection: AsyncConnection, workspace: str, price_id: str
) -> set[ModelKey]:
    """Return the models about which a price still has a word."""
    statement = (
        select(price_row.c.model)
        .distinct()
        .where(
            price_row.c.workspace == workspace,
            price_row.c.price_id == price_id,
            price_row.c.recorded_to.is_(None),
        )
    )
    return {(workspace, model) for model in (await connection.execute(statement)).scalars()}


async def clock(connection: AsyncConnection) -> datetime:
    """Return the database's time now, not that of the transaction's beginning."""
    now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    return now


async def close(connection: AsyncConnection, workspace: str, price_id: str, at: datetime) -> None:
    """Say that what a price said is no longer the latest word."""
    statement = update(price_row).where(
        price_row.c.workspace == workspace,
        price_row.c.price_id == price_id,
        price_row.c.recorded_to.is_(None),
    )
    await connection.execute(statement.values(recorded_to=at))


async def add(connection: AsyncConnection, price: Price, at: datetime) -> None:
    """Record a revision of a price: a row for each meter."""
    rows = [
        {
            "workspace": price.workspace,
            "price_id": price.id,
            "price_name": price.name,
            "revision": price.revision,
            "model": price.model,
            "deployment": price.deployment,
            "meter": meter.value,
            "usd": usd,
            "per_units": per_units,
            "valid_from": price.valid_from,
            "valid_to": price.valid_to,
            "recorded_at": at,
            "source": SOURCE,
        }
        for meter, (usd, per_units) in price.unit_prices().items()
    ]
    await connection.execute(insert(price_row), rows)


def _price_row(row: AnyRow) -> PriceRow:
    values = {name: getattr(row, name) for name in PriceRow.__slots__}
    values["meter"] = Meter(row.meter)
    return PriceRow(**values)

"""Keeps the price book as the registry says it, and lets late prices reach waiting usage.

Charges that exist are never changed by it.
"""

from sqlalchemy.ext.asyncio import AsyncEngine

from tollway_contracts.resources import Price
from tollway_metering.events import PriceRemoved
from tollway_metering.store import locks
from tollway_metering.store import prices as store
from tollway_metering.store.locks import ModelKey


class PriceBook:
    """The price books of all workspaces; every price names its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def apply(self, price: Price) -> set[ModelKey]:
        """Record a price's state, unless it is known; return the models that it is about.

        A state that is older than the one known says nothing any more.
        """
        key = price.workspace, price.model
        async with self._engine.begin() as connection:
            await locks.own_price_book(connection, price.workspace)
            known = await store.latest_revision(connection, price.workspace, price.id)
            if price.revision > known:
                before = await store.priced_models(connection, price.workspace, price.id)
                await locks.own_models(connection, {key, *before})
                at = await store.clock(connection)
                await store.close(connection, price.workspace, price.id, at)
                await store.add(connection, price, at)
        return {key}

    async def remove(self, removed: PriceRemoved) -> None:
        """Note that a price is gone. What is no price, or gone already, is left alone."""
        workspace, price_id = removed.workspace, removed.price_id
        async with self._engine.begin() as connection:
            await locks.own_price_book(connection, workspace)
            models = await store.priced_models(connection, workspace, price_id)
            if models:
                await locks.own_models(connection, models)
                at = await store.clock(connection)
                await store.close(connection, workspace, price_id, at)

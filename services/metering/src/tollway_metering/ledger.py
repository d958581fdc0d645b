"""Takes usage in, once each, and charges it: the transaction that the bill depends on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tollway_metering.events import Measured, storable
from tollway_metering.posting import Posting
from tollway_metering.rating import Charge, PriceList, Usage, rate
from tollway_metering.store import ledger as store
from tollway_metering.store import locks
from tollway_metering.store.locks import ModelKey
from tollway_metering.store.prices import price_lists

LATE_BATCH = 500


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of usage events that were taken in."""

    stored: int
    duplicates: int
    unpriced: int
    charged: tuple[datetime, ...]
    """When the charged ones had happened."""


class Ledger:
    """The ledger of all workspaces; every event names its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def record(self, batch: Sequence[Measured]) -> Recorded:
        """Store usage events, rate and roll up those that are new. All or nothing.

        An event with a known id changes nothing, whatever else it says.
        """
        # The first of each id, in an order that all writers share.
        first = {storable(item.event.id): item for item in reversed(batch)}
        events = [first[key] for key in sorted(first)]
        async with self._engine.begin() as connection:
            models = {(item.event.workspace, item.event.model) for item in events}
            await locks.share_models(connection, models)
            new = await store.insert_events(connection, events)
            usages = [usage for usage in (item.usage for item in events) if usage.id in new]
            posting = Posting()
            if usages:
                prices = await price_lists(connection, {_key(usage) for usage in usages})
                for usage in usages:
                    posting.add(usage, rate(usage, prices[_key(usage)]))
                await store.insert_posting(connection, posting)
        unpriced = {row["usage_event_id"] for row in posting.unpriced}
        return Recorded(
            stored=len(usages),
            duplicates=len(batch) - len(usages),
            unpriced=len(unpriced),
            charged=tuple(usage.occurred_at for usage in usages if usage.id not in unpriced),
        )

    async def charge_waiting(self, key: ModelKey) -> Recorded:
        """Charge usage of a model that had no price and has one now.

        Works in steps of a transaction each; what a killed process leaves over waits for the next
        call, because the record that caused this one is not acknowledged before the end.
        """
        after, charged, unpriced = "", list[datetime](), 0
        while True:
            async with self._engine.begin() as connection:
                await locks.own_models(connection, [key])
                waiting = await store.waiting(connection, key, after=after, limit=LATE_BATCH)
                if not waiting:
                    break
                prices = (await price_lists(connection, {key}))[key]
                done = await self._charge_late(connection, key[0], waiting, prices)
            after = waiting[-1][0].id
            charged += done
            unpriced += len(waiting) - len(done)
        return Recorded(stored=0, duplicates=0, unpriced=unpriced, charged=tuple(charged))

    async def _charge_late(
        self,
        connection: AsyncConnection,
        workspace: str,
        waiting: Sequence[tuple[Usage, list[str]]],
        prices: PriceList,
    ) -> list[datetime]:
        posting = Posting()
        charged: list[Usage] = []
        for usage, missing in waiting:
            rating = rate(usage, prices)
            if isinstance(rating, Charge):
                posting.charge_late(usage, rating)
                charged.append(usage)
            elif list(rating.missing) != missing:
                await store.still_missing(connection, workspace, usage.id, rating.missing)
        if charged:
            await store.insert_posting(connection, posting)
            await store.not_waiting(connection, workspace, [usage.id for usage in charged])
        return [usage.occurred_at for usage in charged]


def _key(usage: Usage) -> ModelKey:
    return usage.workspace, usage.model

"""The registry's records: prices are kept, everything else is passed over."""

from collections.abc import Sequence
from functools import partial

import structlog

from tollway_contracts.resources import Price
from tollway_metering.events import PriceRemoved, Record, Unreadable, read_price
from tollway_metering.feed.patience import Patience, Stopping, name_of
from tollway_metering.ledger import Ledger
from tollway_metering.metrics import Metrics
from tollway_metering.pricebook import PriceBook
from tollway_metering.store.locks import ModelKey

log = structlog.get_logger(__name__)


class PriceFeed:
    """Takes in batches of the registry's records."""

    def __init__(
        self, book: PriceBook, ledger: Ledger, patience: Patience, metrics: Metrics
    ) -> None:
        self._book = book
        self._ledger = ledger
        self._patience = patience
        self._metrics = metrics

    async def take(self, records: Sequence[Record]) -> None:
        """Return once every price is in the book and waiting usage that it prices is charged.

        A record that cannot be read is passed over, loudly: usage stays unpriced rather than all
        prices wait. Its topic keeps it. Never raises but for `Stopping`.
        """
        touched: set[ModelKey] = set()
        for record in records:
            try:
                touched |= await self._keep(read_price(record))
            except Stopping:
                raise
            except Exception as error:  # noqa: BLE001 - a record costs nobody but itself
                self._reject(record, error)
        # Known prices count as well: whoever took them in first may not have come this far.
        for key in sorted(touched):
            await self._charge_waiting(key)

    async def _keep(self, said: Price | PriceRemoved | None) -> set[ModelKey]:
        match said:
            case Price():
                return await self._patience.insist("price", partial(self._book.apply, said))
            case PriceRemoved():
                await self._patience.insist("price", partial(self._book.remove, said))
                return set()
            case None:
                return set()

    async def _charge_waiting(self, key: ModelKey) -> None:
        recorded = await self._patience.insist(
            "late price", partial(self._ledger.charge_waiting, key)
        )
        self._metrics.charged(recorded.charged)

    def _reject(self, record: Record, error: Exception) -> None:
        self._metrics.rejected_prices.inc()
        log.error(
            "record of the registry passed over",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=str(error) if isinstance(error, Unreadable) else name_of(error),
        )

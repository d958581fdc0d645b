"""Usage records: stored or set aside, and only then acknowledged."""

from collections.abc import Sequence
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from tollway_metering.events import Measured, Record, Unreadable, read_usage
from tollway_metering.feed.dead_letters import DeadLetters, DivertLimit
from tollway_metering.feed.patience import Patience, Stopping, name_of
from tollway_metering.ledger import Ledger, Recorded
from tollway_metering.metrics import Metrics

log = structlog.get_logger(__name__)

REMINDER_SECONDS = 60.0

Readable = tuple[int, Measured]
"""A record's place in its batch, and what it says."""


class UsageFeed:
    """Takes in batches of usage records."""

    def __init__(
        self, ledger: Ledger, dead_letters: DeadLetters, patience: Patience, metrics: Metrics
    ) -> None:
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._patience = patience
        self._metrics = metrics
        self._limit = DivertLimit()
        self._stopped = False

    async def check(self) -> None:
        """Readiness: raises when usage is no longer taken in."""
        if self._stopped:
            msg = "stopped, because nearly every record failed; see the log, then restart"
            raise RuntimeError(msg)

    async def take(self, records: Sequence[Record]) -> None:
        """Return once every record is in the ledger or in the dead-letter topic.

        Never raises but for `Stopping`, since an error would let the next batch's acknowledgement
        cover records that are nowhere.
        """
        readable: list[Readable] = []
        reasons: dict[int, str] = {}
        for place, record in enumerate(records):
            try:
                readable.append((place, read_usage(record)))
            except Unreadable as error:
                reasons[place] = str(error)
            except Exception as error:  # noqa: BLE001 - a record costs nobody but itself
                reasons[place] = f"not read: {type(error).__name__}"
        if readable:
            reasons |= await self._record(readable)
        for place, record in enumerate(records):
            await self._settle(record, reasons.get(place))
        self._metrics.records.inc(len(records))

    async def _record(self, batch: list[Readable]) -> dict[int, str]:
        """Store a batch; return why single records could not be stored, by their place."""
        events = [measured for _, measured in batch]
        try:
            recorded = await self._patience.insist("usage", partial(self._ledger.record, events))
        except Stopping:
            raise
        except Exception as error:  # whatever it is, its record is found and set aside
            if len(batch) == 1:
                place, _ = batch[0]
                trace = None if isinstance(error, DBAPIError) else error
                log.error("usage event cannot be stored", error=name_of(error), exc_info=trace)
                return {place: f"not stored: {name_of(error)}"}
            middle = len(batch) // 2
            return await self._record(batch[:middle]) | await self._record(batch[middle:])
        self._count(recorded)
        return {}

    async def _settle(self, record: Record, reason: str | None) -> None:
        self._limit.saw(failed=reason is not None)
        if reason is None:
            return
        if self._limit.exceeded:
            await self._stop()
        log.warning(
            "usage record set aside",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
        )
        send = partial(self._dead_letters.send, record, reason)
        await self._patience.insist("dead-letter record", send)
        self._metrics.dead_lettered.inc()

    async def _stop(self) -> None:
        """Take no more until somebody has looked and restarted the service."""
        self._stopped = True
        self._metrics.stopped.set(1)
        while True:
            log.critical(
                "usage is no longer taken in: nearly every record fails. They stay in the topic. "
                "Find the cause in the reasons above, then restart the service."
            )
            await self._patience.rest(REMINDER_SECONDS)

    def _count(self, recorded: Recorded) -> None:
        self._metrics.duplicates.inc(recorded.duplicates)
        self._metrics.unpriced.inc(recorded.unpriced)
        self._metrics.charged(recorded.charged)

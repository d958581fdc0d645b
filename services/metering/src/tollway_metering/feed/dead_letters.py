"""Where records go that cannot be read, and the limit on how many may go there.

A record arrives as it came: same key, same value, same headers, and two more that say why and
from where. A few bad records are their own fault; nearly all of them failing is ours, and then
diverting them would only hide it.
"""

from collections import deque

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from tollway_contracts.topics import USAGE_DEAD_LETTER
from tollway_kit.kafka import make_producer
from tollway_kit.settings import KafkaSettings
from tollway_metering.events import Record

REASON_HEADER = "tollway-reason"
ORIGIN_HEADER = "tollway-origin"

IN_A_ROW = 100
LATEST = 1000


class DivertLimit:
    """Counts what happened to the latest records.

    Exceeded when more than `IN_A_ROW` failed one after the other and more than half of the
    `LATEST` did.
    """

    def __init__(self) -> None:
        self._failures: deque[bool] = deque(maxlen=LATEST)
        self._in_a_row = 0

    def saw(self, *, failed: bool) -> None:
        """Count one record."""
        self._failures.append(failed)
        self._in_a_row = self._in_a_row + 1 if failed else 0

    @property
    def exceeded(self) -> bool:
        """Whether no more may be diverted."""
        return self._in_a_row > IN_A_ROW and 2 * sum(self._failures) > len(self._failures)


class DeadLetters:
    """Writes to the dead-letter topic. Started by the first record that goes there."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def send(self, record: Record, reason: str) -> None:
        """Return once the broker has the record. Raises KafkaError.

        A record so large that the two headers are too much for it goes without its body, rather
        than hold up all others; the usage topic still has it for its time of retention.
        """
        producer = await self._started()
        try:
            await self._send(producer, record, record.value, reason)
        except MessageSizeTooLargeError:
            left_out = f"{reason} (body of {len(record.value or b'')} bytes left out: too large)"
            await self._send(producer, record, None, left_out)

    async def stop(self) -> None:
        """Close the connection."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = make_producer(self._settings)
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _send(
        self, producer: AIOKafkaProducer, record: Record, body: bytes | None, reason: str
    ) -> None:
        origin = f"{record.topic}/{record.partition}/{record.offset}"
        added = [(REASON_HEADER, reason.encode()), (ORIGIN_HEADER, origin.encode())]
        await producer.send_and_wait(
            USAGE_DEAD_LETTER.name, body, record.key, headers=[*record.headers, *added]
        )

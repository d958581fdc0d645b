"""What Prometheus is told."""

from collections.abc import Iterable
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_DELAYS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600, 86400, 604800)


class Metrics:
    """The service's own counters. One per app."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter(
            "tollway_metering_records", "Usage records consumed", registry=registry
        )
        self.duplicates = Counter(
            "tollway_metering_duplicates", "Usage events that were stored before", registry=registry
        )
        self.dead_lettered = Counter(
            "tollway_metering_dead_lettered",
            "Usage records sent to the dead-letter topic",
            registry=registry,
        )
        self.unpriced = Counter(
            "tollway_metering_unpriced", "Usage events stored without a price", registry=registry
        )
        self.charges = Counter("tollway_metering_charges", "Charges made", registry=registry)
        self.rejected_prices = Counter(
            "tollway_metering_rejected_prices",
            "Records of the registry that could not be read or kept",
            registry=registry,
        )
        self.retries = Counter(
            "tollway_metering_retries",
            "Times that a batch was tried again because something did not answer",
            registry=registry,
        )
        self.lag = Gauge(
            "tollway_metering_consumer_lag",
            "Records not yet taken from the broker",
            ["topic"],
            registry=registry,
        )
        self.stopped = Gauge(
            "tollway_metering_stopped",
            "1 when too many records failed and consuming stopped until a restart",
            registry=registry,
        )
        self._delay = Histogram(
            "tollway_metering_charge_delay_seconds",
            "From an attempt to its charge",
            buckets=_DELAYS,
            registry=registry,
        )

    def charged(self, occurred: Iterable[datetime]) -> None:
        """Note charges that were made just now, by when their usage had happened."""
        now = datetime.now(UTC)
        for at in occurred:
            self.charges.inc()
            self._delay.observe(max((now - at).total_seconds(), 0))

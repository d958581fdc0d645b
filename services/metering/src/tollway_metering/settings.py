"""What metering reads from its environment."""

from tollway_kit.settings import (
    DatabaseSettings,
    KafkaSettings,
    PeopleTrustSettings,
    ServiceSettings,
)


class MeteringSettings(ServiceSettings, DatabaseSettings, KafkaSettings, PeopleTrustSettings):
    """A database of its own, Kafka, and whose tokens people present."""

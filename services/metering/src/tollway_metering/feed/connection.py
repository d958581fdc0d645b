"""Kafka's settings as FastStream wants them."""

from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from tollway_kit.kafka import connection_options
from tollway_kit.settings import KafkaSettings

REQUEST_MS = 20_000
"""Joining a group is answered only when all members have joined, which takes a session's time."""

METADATA_MS = 5_000
"""How long a topic that was made anew may go unnoticed."""

_SASL: dict[str, type[SASLPlaintext | SASLScram256 | SASLScram512]] = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}


def broker_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return what a FastStream broker that only consumes is constructed with."""
    return {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "request_timeout_ms": REQUEST_MS,
        "metadata_max_age_ms": METADATA_MS,
        "security": _security(settings),
    }


def _security(settings: KafkaSettings) -> BaseSecurity | None:
    options = connection_options(settings)
    encryption = options.get("ssl_context")
    if settings.kafka_security_protocol == "PLAINTEXT":
        return None
    if settings.kafka_security_protocol == "SSL":
        return BaseSecurity(ssl_context=encryption)
    return _SASL[settings.kafka_sasl_mechanism](
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        ssl_context=encryption,
    )

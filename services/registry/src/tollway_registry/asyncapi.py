"""The AsyncAPI document: what the registry publishes. Nothing here talks to a broker."""

from typing import Any

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from tollway_registry.events import TOPICS


def asyncapi_document(version: str) -> dict[str, Any]:
    """Return the document as JSON values."""
    broker = KafkaBroker()
    for topic in TOPICS:
        broker.publisher(
            topic.name,
            title=topic.event_type,
            description=f"Full present state, compacted; the key is: {topic.key}.",
            schema=topic.payload,
        )
    document = AsyncAPI(broker, title="Tollway registry", version=version).to_specification()
    result: dict[str, Any] = document.to_jsonable()
    return result

"""The AsyncAPI document: what this service publishes."""

from typing import Any

from fastapi import APIRouter
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from tollway_contracts.topics import TOPICS


def asyncapi_routes() -> APIRouter:
    """Return the route of the document."""
    router = APIRouter(include_in_schema=False)
    document = _document()

    @router.get("/asyncapi.json")
    async def asyncapi() -> dict[str, Any]:
        """Say which topics this service writes, and what stands in them."""
        return document

    return router


def _document() -> dict[str, Any]:
    broker = KafkaBroker()  # declares and is never connected
    for topic in TOPICS:
        if "secrets" in topic.producers:
            broker.publisher(
                topic.name,
                title=topic.event_type,
                description=f"Keyed by {topic.key}. A record without a body: it is gone.",
                schema=topic.payload,
            )
    specification = AsyncAPI(broker, title="Tollway secrets", version="1").to_specification()
    document: dict[str, Any] = specification.to_jsonable()
    return document

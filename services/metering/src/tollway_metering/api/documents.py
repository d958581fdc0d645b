"""What the OpenAPI and AsyncAPI documents say beyond what is found out by itself."""

from typing import Any

from fastapi import APIRouter, FastAPI
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from tollway_contracts.http import Problem
from tollway_contracts.topics import TOPICS
from tollway_kit.errors import PROBLEM_TYPE

NAME = "metering"

Document = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]

_MEANINGS = {
    401: "No token, or one that does not hold (`unauthenticated`).",
    403: "The caller has none of the roles admin, finance and auditor here (`forbidden`).",
    404: "There is no such charge in the workspace (`not_found`).",
    422: "The request makes no sense (`invalid`, `unknown_group`); `detail` names the parameter.",
    503: "The ledger or the token issuer's keys do not answer; try again (`unavailable`).",
}


class DocumentedApi(FastAPI):
    """An application whose OpenAPI document has the schema of problems."""

    def openapi(self) -> Document:
        """Return the document."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema(mode="serialization")
        return super().openapi()


def problems(*statuses: int) -> Responses:
    """Describe the problem documents that an operation answers with."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _MEANINGS[status], "content": {PROBLEM_TYPE: {"schema": schema}}}
        for status in (401, 403, *statuses, 422, 503)
    }


def asyncapi_routes() -> APIRouter:
    """Return the route of the AsyncAPI document."""
    router = APIRouter(include_in_schema=False)
    document = _asyncapi()

    @router.get("/asyncapi.json")
    async def asyncapi() -> Document:
        """Say which topics this service reads and writes, and what stands in them."""
        return document

    return router


def _asyncapi() -> Document:
    broker = KafkaBroker()  # declares and is never connected
    for topic in TOPICS:
        title, key = topic.event_type, f"Keyed by {topic.key}."
        if NAME in topic.producers:
            schema = topic.payload or bytes
            broker.publisher(topic.name, title=title, description=key, schema=schema)
        if NAME in topic.consumers:
            declare = broker.subscriber(topic.name, title=title, description=key)
            declare(_reader(topic.payload))
    specification = AsyncAPI(broker, title="Tollway metering", version="1").to_specification()
    document: Document = specification.to_jsonable()
    return document


def _reader(payload: type[Any] | None) -> Any:
    async def read(event: Any) -> None:
        """Stand for the handler; only its annotation is looked at."""

    read.__annotations__["event"] = payload
    return read

"""The inference paths in the OpenAPI document; their bodies are the vendors' own."""

from collections.abc import Iterable
from typing import Any

from tollway_router.surfaces.endpoint import SurfaceRow

_STATUSES = {
    "400": "The request is not valid, or names what the model's provider cannot do",
    "401": "No API key, or one that is not known, disabled or expired",
    "404": "The model does not exist, or the API key may not use it",
    "413": "The body is too large",
    "429": "The provider's rate limit",
    "502": "The provider could not be reached or did not make sense",
    "503": "The model is in maintenance, or the provider is overloaded",
    "504": "The provider did not answer in time",
}


def with_surfaces(document: dict[str, Any], rows: Iterable[SurfaceRow]) -> dict[str, Any]:
    """Return the document with a POST operation for each surface."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["apiKey"] = {"type": "http", "scheme": "bearer"}
    for row in rows:
        document["paths"][row.path] = {"post": _operation(row)}
    return document


def _operation(row: SurfaceRow) -> dict[str, Any]:
    shape = {
        "type": "object",
        "required": ["model"],
        "properties": {"model": {"type": "string"}, "stream": {"type": "boolean"}},
        "additionalProperties": True,
    }
    answer = {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}}
    errors = {
        status: {"description": said, "content": {"application/json": {}}}
        for status, said in _STATUSES.items()
    }
    return {
        "tags": ["inference"],
        "operationId": row.surface.value,
        "summary": row.summary,
        "security": [{"apiKey": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": shape}}},
        "responses": {"200": {"description": "The answer", "content": answer}, **errors},
    }

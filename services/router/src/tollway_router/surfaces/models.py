"""`GET /v1/models`, as OpenAI or as Anthropic lists them: the models that an API key may use."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from tollway_contracts.resources import Model
from tollway_contracts.vocabulary import Visibility
from tollway_router.canonical.failure import Failure, FailureKind, RequestRefused
from tollway_router.client import REQUEST_ID
from tollway_router.codecs.codec import Codec
from tollway_router.codecs.registry import CODECS
from tollway_router.routing.resolve import authenticate
from tollway_router.routing.table import RouteTable
from tollway_router.surfaces.endpoint import new_request_id
from tollway_router.surfaces.keys import presented_key


def models_routes(table: Callable[[], RouteTable]) -> APIRouter:
    """Return the routes. `table` gives the present route table."""
    errors: dict[int | str, dict[str, Any]] = {
        401: {"description": "No API key, or one that is not known, disabled or expired"},
    }
    errors_of_one = errors | {
        404: {"description": "No such model, or one that the API key may not use"},
    }
    router = APIRouter(tags=["inference"])

    @router.get("/v1/models", summary="List the models that the API key may use", responses=errors)
    async def list_models(request: Request) -> Response:
        return _answered(request, lambda: _list(request, _visible(request, table())))

    @router.get("/v1/models/{model:path}", summary="Show one model", responses=errors_of_one)
    async def get_model(request: Request, model: str) -> Response:
        return _answered(request, lambda: _one(request, _visible(request, table()), model))

    return router


def _visible(request: Request, table: RouteTable) -> list[Model]:
    key = authenticate(table, presented_key(request.scope), datetime.now(UTC))
    return [m for m in table.models_of(key) if m.visibility is Visibility.VISIBLE]


def _answered(request: Request, make: Callable[[], dict[str, Any]]) -> Response:
    headers = {REQUEST_ID: new_request_id()}
    try:
        return JSONResponse(make(), headers=headers)
    except RequestRefused as refused:
        codec = _codec(request)
        status = codec.error_status(refused.failure.status)
        body = codec.write_error(refused.failure)
        return Response(body, status, headers, media_type="application/json")


def _codec(request: Request) -> Codec:
    return CODECS["anthropic-messages" if _is_anthropic(request) else "openai-chat"]


def _is_anthropic(request: Request) -> bool:
    return "anthropic-version" in request.headers


def _list(request: Request, models: list[Model]) -> dict[str, Any]:
    if _is_anthropic(request):
        data = [_anthropic(model) for model in models]
        edges = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
        return {"data": data, "has_more": False, "first_id": None, "last_id": None} | edges
    return {"object": "list", "data": [_openai(model) for model in models]}


def _one(request: Request, models: list[Model], name: str) -> dict[str, Any]:
    for model in models:
        if model.name == name:
            return _anthropic(model) if _is_anthropic(request) else _openai(model)
    msg = f"The model '{name}' does not exist, or the API key may not use it."
    raise RequestRefused(Failure(FailureKind.NOT_FOUND, msg, 404, code="model_not_found"))


def _openai(model: Model) -> dict[str, Any]:
    created = int(model.created_at.timestamp())
    return {"id": model.name, "object": "model", "created": created, "owned_by": model.workspace}


def _anthropic(model: Model) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.display_name or model.name,
        "created_at": model.created_at.isoformat().replace("+00:00", "Z"),
    }

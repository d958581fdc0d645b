"""`GET /v1/models`: the model names that the simulator offers; it answers to any other name too.

Anthropic's SDK sends `anthropic-version` and gets Anthropic's shape, everyone else OpenAI's.
"""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tollway_simulator.arrival import arrival_of
from tollway_simulator.refusal import Refusal
from tollway_simulator.simulation import Simulation
from tollway_simulator.wires.anthropic_messages import AnthropicMessages
from tollway_simulator.wires.openai_chat import OpenAIChat
from tollway_simulator.wires.wire import Reply

MODELS = ("sim-echo", "sim-prose")

_CREATED = 1_767_225_600
_CREATED_AT = "2026-01-01T00:00:00Z"


class ModelList:
    """The two endpoints."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def list_models(self, request: Request) -> Response:
        """All models."""
        if refused := self._refused(request):
            return refused
        if not _speaks_anthropic(request):
            return _json({"object": "list", "data": [_openai(model) for model in MODELS]})
        data = [_anthropic(model) for model in MODELS]
        ends = {"first_id": MODELS[0], "last_id": MODELS[-1]}
        return _json({"data": data, "has_more": False, **ends})

    async def one_model(self, request: Request) -> Response:
        """One model, or the provider's 404."""
        if refused := self._refused(request):
            return refused
        model = request.path_params["model"]
        if model not in MODELS:
            return self._refusal(request, Refusal(404, model=model))
        return _json(_anthropic(model) if _speaks_anthropic(request) else _openai(model))

    def _refused(self, request: Request) -> Response | None:
        arrival = arrival_of(request.scope, b"")
        self._simulation.seen.note(arrival)
        if self._simulation.gate.opens(arrival.key):
            return None
        return self._refusal(request, Refusal(401, key=arrival.key))

    def _refusal(self, request: Request, refusal: Refusal) -> Response:
        wire = AnthropicMessages() if _speaks_anthropic(request) else OpenAIChat()
        return _response(wire.refuse(refusal, self._simulation.ids))


def _response(reply: Reply) -> Response:
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    return Response(reply.body, reply.status, headers)


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _speaks_anthropic(request: Request) -> bool:
    return "anthropic-version" in request.headers


def _openai(model: str) -> dict[str, Any]:
    return {"id": model, "object": "model", "created": _CREATED, "owned_by": "tollway-simulator"}


def _anthropic(model: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model,
        "display_name": model,
        "created_at": _CREATED_AT,
        "lifecycle": "active",
    }

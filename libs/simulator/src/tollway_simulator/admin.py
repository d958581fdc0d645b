"""The simulator's own endpoints under `/sim`: scripts, ledger, seen requests."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tollway_simulator.keys import fingerprint
from tollway_simulator.refusal import Refusal
from tollway_simulator.schedule import Booking
from tollway_simulator.script import read_script
from tollway_simulator.simulation import Simulation

_Endpoint = Callable[[Request], Awaitable[Response]]

_PAGE = 1_000


class _Order(msgspec.Struct):
    """`scripts` for the next requests; `times` repeats the whole list."""

    scripts: list[str]
    model: str | None = None
    key: str | None = None
    key_sha256: str | None = None
    times: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1


class Admin:
    """Endpoints over one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/sim/scripts", self.book, methods=["POST"]),
            Route("/sim/scripts", self.waiting, methods=["GET"]),
            Route(
                "/sim/scripts", self._clearing(self._simulation.schedule.clear), methods=["DELETE"]
            ),
            Route("/sim/ledger", self.entries, methods=["GET"]),
            Route("/sim/ledger", self._clearing(self._simulation.ledger.clear), methods=["DELETE"]),
            Route("/sim/ledger/totals", self.totals, methods=["GET"]),
            Route("/sim/seen", self.seen, methods=["GET"]),
            Route("/sim/seen", self._clearing(self._simulation.seen.clear), methods=["DELETE"]),
            Route("/sim/seen/{recording}", self.seen_recording, methods=["GET"]),
            Route("/sim/reset", self._clearing(self._simulation.reset), methods=["POST"]),
        ]

    async def book(self, request: Request) -> Response:
        """Queue scripts for the next requests of a model and a key."""
        try:
            order = msgspec.json.decode(await request.body(), type=_Order)
            for script in order.scripts:
                read_script("", script)
        except msgspec.DecodeError as error:
            return _problem(400, str(error))
        except Refusal as refusal:
            return _problem(400, refusal.message)
        key = fingerprint(order.key) if order.key is not None else order.key_sha256
        scripts = deque(order.scripts * order.times)
        self._simulation.schedule.book(Booking(order.model, key, scripts))
        return _json({"queued": len(scripts)}, status=201)

    async def waiting(self, request: Request) -> Response:  # noqa: ARG002
        """What is still queued."""
        return _json({"bookings": self._simulation.schedule.waiting()})

    async def entries(self, request: Request) -> Response:
        """Ledger entries after `since`, at most `limit`."""
        since, limit = _number(request, "since", 0), _number(request, "limit", _PAGE)
        if since is None or limit is None:
            return _problem(400, "since and limit are whole numbers.")
        return _json(self._simulation.ledger.page(since, limit))

    async def totals(self, request: Request) -> Response:  # noqa: ARG002
        """The ledger's sums."""
        return _json(self._simulation.ledger.totals())

    async def seen(self, request: Request) -> Response:
        """The last `last` requests."""
        last = _number(request, "last", 1)
        if last is None:
            return _problem(400, "last is a whole number.")
        return _json({"requests": self._simulation.seen.last(last)})

    async def seen_recording(self, request: Request) -> Response:
        """The last request that a recording answered."""
        recording = request.path_params["recording"]
        seen = self._simulation.seen.recording(recording)
        if seen is None:
            return _problem(404, f"No request came for the recording {recording!r}.")
        return _json(seen)

    def _clearing(self, clear: Callable[[], None]) -> _Endpoint:
        async def endpoint(request: Request) -> Response:  # noqa: ARG001
            clear()
            return Response(status_code=204)

        return endpoint


async def livez(request: Request) -> Response:  # noqa: ARG001
    """The process answers."""
    return _json({"status": "ok"})


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _problem(status: int, message: str) -> Response:
    return _json({"error": {"message": message}}, status)


def _number(request: Request, name: str, default: int) -> int | None:
    """A number in the query; None for something that is not a whole number."""
    value = request.query_params.get(name, str(default))
    return int(value) if value.isascii() and value.isdigit() else None

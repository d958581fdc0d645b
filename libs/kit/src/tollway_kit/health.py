"""Liveness, readiness by named checks, and metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import JSONResponse, PlainTextResponse, Response

CHECK_SECONDS = 2.0

Check = Callable[[], Awaitable[None]]
"""Returns when the thing works, raises when it does not."""


@dataclass(frozen=True, slots=True)
class NamedCheck:
    """A check; only a required one turns readiness red."""

    name: str
    check: Check
    required: bool


class Health:
    """What a service says of itself. Checks are registered beside the thing that they check."""

    def __init__(self) -> None:
        self._checks: list[NamedCheck] = []

    def register(self, name: str, check: Check, *, required: bool) -> None:
        """Add a check. `required` is for what the service cannot do anything without."""
        self._checks.append(NamedCheck(name, check, required))

    async def report(self) -> tuple[bool, dict[str, dict[str, object]]]:
        """Run all checks at once; return readiness, and what each says."""
        results = await asyncio.gather(*(self._run(item) for item in self._checks))
        pairs = list(zip(self._checks, results, strict=True))
        ready = all(error is None for item, error in pairs if item.required)
        return ready, {
            item.name: {"ok": error is None, "required": item.required, "detail": error or "ok"}
            for item, error in pairs
        }

    async def _run(self, item: NamedCheck) -> str | None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await item.check()
        except TimeoutError:
            return f"no answer within {CHECK_SECONDS:g} s"
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its finding
            return f"{type(error).__name__}: {error}".splitlines()[0][:200]
        return None


def health_routes(health: Health, metrics: CollectorRegistry) -> APIRouter:
    """Return `/livez`, `/readyz` and `/metrics`."""
    router = APIRouter(tags=["health"])

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        """Say that the process runs."""
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz() -> Response:
        """Say whether the process can serve, and what each check found."""
        ready, checks = await health.report()
        body = {"status": "ready" if ready else "not ready", "checks": checks}
        return JSONResponse(body, 200 if ready else 503)

    @router.get("/metrics", response_class=PlainTextResponse)
    async def show_metrics() -> Response:
        """Answer Prometheus."""
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    return router

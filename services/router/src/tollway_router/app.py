"""Wires the router by hand. Read top to bottom."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from tollway_kit.errors import install_error_handlers
from tollway_kit.health import Health, health_routes
from tollway_router.credentials import CredentialCache
from tollway_router.loops import keep_running
from tollway_router.pipeline import Pipeline
from tollway_router.routing.feed import RouteFeed
from tollway_router.settings import RouterSettings
from tollway_router.surfaces.chat_completions import CHAT_COMPLETIONS
from tollway_router.surfaces.document import with_surfaces
from tollway_router.surfaces.endpoint import Endpoint
from tollway_router.surfaces.messages import MESSAGES
from tollway_router.surfaces.models import models_routes
from tollway_router.upstream.client import UpstreamClient
from tollway_router.usage.meter import Meter
from tollway_router.usage.shipper import Shipper
from tollway_router.usage.spool import Spool

SURFACES = (CHAT_COMPLETIONS, MESSAGES)


class Router:
    """The ASGI application: inference paths go straight to their endpoint, the rest to FastAPI."""

    def __init__(self, inference: Mapping[str, Endpoint], control: FastAPI) -> None:
        self._inference = inference
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http" and scope["method"] == "POST":
            endpoint = self._inference.get(scope["path"])
            if endpoint is not None:
                await endpoint(scope, receive, send)
                return
        await self._control(scope, receive, send)


def create_app(settings: RouterSettings) -> Router:
    """Build the router. It opens its spool and reads its stored table; nothing runs before its
    lifespan starts.
    """
    metrics = CollectorRegistry()
    credentials = CredentialCache(settings)
    feed = RouteFeed(settings, credentials.drop, metrics)
    spool = Spool(settings.spool_dir, always_sync=settings.spool_sync == "always")
    shipper = Shipper(settings, spool, metrics)
    meter = Meter(spool, shipper.wake, metrics)
    inference: dict[str, Endpoint] = {}

    health = Health()
    health.register("route-table", feed.check_caught_up, required=True)
    health.register("route-feed", feed.check_connected, required=False)
    health.register("usage-shipper", shipper.check, required=False)
    health.register("secrets", credentials.check, required=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        upstream = UpstreamClient(settings)
        pipeline = Pipeline(settings, feed, credentials, upstream, meter)
        for row in SURFACES:
            inference[row.path] = Endpoint(row, pipeline, settings)
        loops = {
            "route feed": feed.run,
            "route table's storage": feed.save_for_ever,
            "usage shipper": shipper.run,
            "usage spool's care": shipper.sync_for_ever,
            "usage events' second writing": meter.write_for_ever,
        }
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(keep_running(*loop)) for loop in loops.items()]
                yield
                await shipper.drain()
                for task in tasks:
                    task.cancel()
        finally:
            await upstream.close()
            await credentials.close()
            spool.close()

    control = FastAPI(title="Tollway router", version="1", lifespan=lifespan, docs_url=None)
    install_error_handlers(control)
    control.include_router(health_routes(health, metrics))
    control.include_router(models_routes(lambda: feed.table))
    document: dict[str, Any] = with_surfaces(control.openapi(), SURFACES)
    control.openapi = lambda: document  # type: ignore[method-assign]
    return Router(inference, control)

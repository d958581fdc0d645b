"""Builds the registry. Everything that it consists of is wired here, by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from prometheus_client import CollectorRegistry

from tollway_kit.db import DatabaseCheck, install_database_errors, make_engine
from tollway_kit.errors import install_error_handlers
from tollway_kit.health import Health, health_routes
from tollway_kit.relay import Relay
from tollway_kit.trust import people_gate
from tollway_registry.api.changes import change_routes
from tollway_registry.api.documents import DocumentedApi
from tollway_registry.api.resources import resource_routes
from tollway_registry.api.workspaces import workspace_routes
from tollway_registry.asyncapi import asyncapi_document
from tollway_registry.events import TOPICS, snapshot
from tollway_registry.kinds import IN_WORKSPACES
from tollway_registry.service import Registry
from tollway_registry.settings import Settings
from tollway_registry.tables import OUTBOX, WRITES


def create_app(settings: Settings) -> FastAPI:
    """Return the service. Its lifespan owns the engine and the relay."""
    release = version("tollway-registry")
    engine = make_engine(settings, service="registry")
    metrics = CollectorRegistry()
    relay = Relay(engine, OUTBOX, settings, TOPICS, snapshot, metrics)
    registry = Registry(engine, OUTBOX, WRITES)
    gate = people_gate(settings)

    health = Health()
    health.register("database", DatabaseCheck(engine), required=True)
    health.register("kafka", relay.check, required=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            async with asyncio.TaskGroup() as loops:
                publishing = loops.create_task(relay.run())
                yield
                publishing.cancel()
        finally:
            await engine.dispose()

    app = DocumentedApi(
        title="Tollway registry",
        summary="Workspaces, and their providers, models, deployments, prices and API keys.",
        version=release,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    install_error_handlers(app)
    install_database_errors(app)
    app.include_router(health_routes(health, metrics))
    # What really asks for the token is the gate; this says so in the OpenAPI document.
    bearer = [Depends(HTTPBearer(auto_error=False, description="A person's token."))]
    app.include_router(workspace_routes(registry, gate), dependencies=bearer)
    for kind in IN_WORKSPACES:
        app.include_router(resource_routes(kind, registry, gate), dependencies=bearer)
    app.include_router(change_routes(registry, gate), dependencies=bearer)

    @app.get("/asyncapi.json", include_in_schema=False)
    async def asyncapi() -> dict[str, Any]:
        return asyncapi_document(release)

    return app

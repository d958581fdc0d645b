"""Wires the service by hand; read top to bottom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from tollway_kit.db import DatabaseCheck, make_engine
from tollway_kit.errors import install_error_handlers
from tollway_kit.health import Health, health_routes
from tollway_kit.trust import people_gate
from tollway_metering.api.costs import cost_routes
from tollway_metering.api.documents import NAME, DocumentedApi, asyncapi_routes
from tollway_metering.api.usage import usage_routes
from tollway_metering.feed.consumers import Consumers
from tollway_metering.feed.dead_letters import DeadLetters
from tollway_metering.feed.patience import Patience
from tollway_metering.feed.prices import PriceFeed
from tollway_metering.feed.usage import UsageFeed
from tollway_metering.ledger import Ledger
from tollway_metering.metrics import Metrics
from tollway_metering.pricebook import PriceBook
from tollway_metering.reports import Reports
from tollway_metering.settings import MeteringSettings


def create_app(settings: MeteringSettings) -> FastAPI:
    """Return the service as an ASGI application. Its lifespan runs the consumers."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    engine = make_engine(settings, service=NAME)
    ledger = Ledger(engine)
    reports = Reports(engine)

    patience = Patience(metrics)
    dead_letters = DeadLetters(settings)
    usage = UsageFeed(ledger, dead_letters, patience, metrics)
    prices = PriceFeed(PriceBook(engine), ledger, patience, metrics)
    consumers = Consumers(settings, patience, metrics, usage=usage.take, prices=prices.take)

    health = Health()
    health.register("database", DatabaseCheck(engine), required=True)
    # Reports are answered from the ledger as far as it has come, whoever does not come further.
    health.register("kafka", consumers.check, required=False)
    health.register("usage", usage.check, required=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            async with asyncio.TaskGroup() as group:
                consuming = group.create_task(consumers.run())
                yield
                patience.stop()
                consuming.cancel()
        finally:
            await dead_letters.stop()
            await engine.dispose()

    app = DocumentedApi(
        title="Tollway metering", version="1", lifespan=lifespan, docs_url=None, redoc_url=None
    )
    install_error_handlers(app)
    gate = people_gate(settings)
    app.include_router(cost_routes(reports, gate))
    app.include_router(usage_routes(reports, gate))
    app.include_router(health_routes(health, registry))
    app.include_router(asyncapi_routes())
    return app

"""Wires the service by hand; read top to bottom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from tollway_contracts.topics import CREDENTIALS
from tollway_kit.db import DatabaseCheck, install_database_errors, make_engine
from tollway_kit.errors import install_error_handlers
from tollway_kit.health import Health, health_routes
from tollway_kit.relay import Relay
from tollway_kit.trust import people_gate, service_gate
from tollway_secrets import events
from tollway_secrets.access import Access, token_source
from tollway_secrets.api.asyncapi import asyncapi_routes
from tollway_secrets.api.credentials import credential_routes
from tollway_secrets.api.maintenance import maintenance_routes
from tollway_secrets.api.material import material_routes
from tollway_secrets.api.problems import DocumentedApp
from tollway_secrets.body_limit import BodyLimit
from tollway_secrets.cipher import Cipher
from tollway_secrets.errors import install_own_error_handlers
from tollway_secrets.rewrap import Rewrap
from tollway_secrets.service import Credentials
from tollway_secrets.settings import SecretsSettings
from tollway_secrets.tables import outbox
from tollway_secrets.transit import Transit

NAME = "secrets"
AUDIENCE = "tollway-secrets"


def create_app(settings: SecretsSettings) -> FastAPI:
    """Return the service as an ASGI application. Its lifespan runs the loops."""
    metrics = CollectorRegistry()
    engine = make_engine(settings, service=NAME)
    transit = Transit(
        str(settings.vault_url),
        mount=settings.vault_transit_mount,
        seconds=settings.vault_seconds,
        ca_file=settings.vault_ca_file,
        metrics=metrics,
    )
    access = Access(transit, token_source(transit, settings))
    cipher = Cipher(transit, access, settings.vault_key_prefix)
    # Half of the connections stay free for reads while writes wait for Vault.
    writes = asyncio.Semaphore(max(1, settings.database_pool_size // 2))
    credentials = Credentials(engine, cipher, writes)
    rewrap = Rewrap(engine, cipher, writes)
    relay = Relay(engine, outbox, settings, [CREDENTIALS], events.snapshot, metrics)

    health = Health()
    health.register("database", DatabaseCheck(engine), required=True)
    # Without Vault nothing can be created, rotated or handed to a router, but metadata, deletion
    # and the audit go on, and routers live on the material that they hold. Were it required, a
    # sealed Vault would take all of that away as well, and tell no caller more than a 503 does.
    health.register("vault", access.check, required=False)
    health.register("kafka", relay.check, required=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            async with asyncio.TaskGroup() as group:
                loops = [group.create_task(access.run()), group.create_task(relay.run())]
                yield
                for loop in loops:
                    loop.cancel()
        finally:
            transit.close()
            await engine.dispose()

    app = DocumentedApp(
        title="Tollway secrets", version="1", lifespan=lifespan, docs_url=None, redoc_url=None
    )
    install_error_handlers(app)
    install_database_errors(app)
    install_own_error_handlers(app)
    app.add_middleware(BodyLimit)
    people = people_gate(settings)
    services = service_gate(settings, audience=AUDIENCE)
    app.include_router(credential_routes(credentials, people))
    app.include_router(material_routes(credentials, services, settings.router_subject))
    app.include_router(maintenance_routes(credentials, rewrap, people))
    app.include_router(health_routes(health, metrics))
    app.include_router(asyncapi_routes())
    return app

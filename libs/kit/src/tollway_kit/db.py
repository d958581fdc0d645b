"""PostgreSQL: the engine, the check of it, and migrations."""

from dataclasses import dataclass

import structlog
from alembic import command
from alembic.config import Config
from fastapi import FastAPI, Request
from sqlalchemy import MetaData, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.responses import Response

from tollway_kit.errors import Unavailable, service_error
from tollway_kit.settings import DatabaseSettings

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 5
STATEMENT_MS = 30_000

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_metadata() -> MetaData:
    """Return metadata whose constraints get predictable names, as migrations need them."""
    return MetaData(naming_convention=NAMING_CONVENTION)


def make_engine(settings: DatabaseSettings, *, service: str) -> AsyncEngine:
    """Return the service's engine: bounded pool, dead connections noticed, statements limited."""
    return create_async_engine(
        str(settings.database_url),
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=CONNECT_SECONDS,
        hide_parameters=True,  # an error's text ends in a log
        connect_args={
            "application_name": f"tollway-{service}",
            "connect_timeout": CONNECT_SECONDS,
            "options": f"-c statement_timeout={STATEMENT_MS} -c timezone=UTC",
        },
    )


@dataclass(frozen=True, slots=True)
class DatabaseCheck:
    """Readiness: the database answers."""

    engine: AsyncEngine

    async def __call__(self) -> None:
        """Raise where the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))


def install_database_errors(app: FastAPI) -> None:
    """Answer 503 while the database cannot be reached, has no connection left, or is too slow."""
    for error in (OperationalError, InterfaceError, PoolTimeout):
        app.add_exception_handler(error, _unavailable)


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("database does not answer", path=request.url.path, error=type(error).__name__)
    return await service_error(request, Unavailable("The database does not answer; try again."))


def migrate(settings: DatabaseSettings, package: str, *, revision: str = "head") -> None:
    """Bring the database to `revision` of the migrations in `<package>/migrations`."""
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.attributes["database_url"] = str(settings.database_url)
    command.upgrade(config, revision)

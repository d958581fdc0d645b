"""The command line that every service has: `serve`, `migrate`, `check-config`."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp

from tollway_kit.settings import ServiceSettings
from tollway_kit.telemetry import set_up_telemetry

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)

GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Service(Generic[SettingsT]):
    """What the command line runs. A service without a database has no `migrate`."""

    name: str
    settings: type[SettingsT]
    create_app: Callable[[SettingsT], ASGIApp]
    migrate: Callable[[SettingsT], None] | None = None


def run(service: Service[SettingsT], arguments: list[str] | None = None) -> int:
    """Run one command; return the process's exit code: 2 for settings that do not hold."""
    parser = argparse.ArgumentParser(prog=f"python -m tollway_{service.name}")
    commands = ["serve", "check-config", *(["migrate"] if service.migrate else [])]
    parser.add_argument("command", choices=commands)
    command: str = parser.parse_args(arguments).command
    try:
        settings = service.settings()
    except ValidationError as error:
        sys.stderr.write(_explained(service.settings, error))
        return 2
    if command == "check-config":
        return 0
    set_up_telemetry(service.name, settings)
    if command == "migrate" and service.migrate is not None:
        service.migrate(settings)
        return 0
    _serve(service, settings)
    return 0


def _serve(service: Service[SettingsT], settings: SettingsT) -> None:
    structlog.get_logger(__name__).info("starting", host=settings.host, port=settings.port)
    uvicorn.run(
        service.create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # addresses may carry a key as a query parameter
        server_header=False,
        proxy_headers=False,  # nothing here asks for the client's address
        date_header=True,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _explained(settings: type[ServiceSettings], error: ValidationError) -> str:
    """Say which variable is wrong and how, never what it holds."""
    prefix = settings.model_config.get("env_prefix", "")
    lines = [f"  {prefix}{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors()]
    return "\n".join(["tollway: these environment variables are missing or wrong:", *lines, ""])

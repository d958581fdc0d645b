"""Every process of a local stack by its name: how it starts, when it is ready, how it ends.

Infrastructure first, then Tollway's own services; the rest of the stack treats them alike.
"""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Event

import httpx2

from tollway_cli.settings import passed_on_environment, service_environment
from tollway_cli.stack import kafka, openbao, postgres, process
from tollway_cli.stack.errors import ProcessError
from tollway_cli.stack.services import SERVICES, Service, Site

INFRASTRUCTURE = (postgres.NAME, openbao.NAME, kafka.NAME)
SERVICE_NAMES = tuple(service.name for service in SERVICES)
NAMES = (*INFRASTRUCTURE, *SERVICE_NAMES)

_READY_SECONDS = 60.0
_MIGRATE_SECONDS = 120.0
_ANSWER_SECONDS = 5.0
_RELEASE_SECONDS = 5.0  # the children of a killed server let go of its port a moment later
_BY_NAME = {service.name: service for service in SERVICES}

Overrides = Mapping[str, Mapping[str, str]]
"""More environment variables by service name; they win over the stack's own."""


@dataclass(frozen=True, slots=True)
class Members:
    """The processes of one site."""

    site: Site
    overrides: Overrides
    abandon: Event = field(default_factory=Event)
    """Set once there is no point in waiting for services any longer."""

    def require_free_ports(self, names: Iterable[str]) -> None:
        """Raise PortTakenError when something else listens where one of the names should."""
        for name in names:
            died = process.recorded(self.site.home, name) is not None
            patience = _RELEASE_SECONDS if died else 0.0
            self.site.ports.require_free(name, patience)
            if name == openbao.NAME:
                self.site.ports.require_free(openbao.CLUSTER, patience)

    def start(self, name: str) -> None:
        """Start a process and wait until it is ready.

        Infrastructure that runs already is looked over: an `up` that was killed may have left its
        databases or tokens unmade.
        """
        if name in _BY_NAME:
            self._start_service(_BY_NAME[name])
        else:
            self._part(name).start(_environment())

    def wait_ready(self, name: str) -> None:
        """Wait for a process that was started before."""
        found = process.running(self.site.home, name)
        if found is not None:
            process.wait_ready(
                self.site.home,
                found,
                lambda: self.why_not_ready(name),
                _READY_SECONDS,
                self.abandon.is_set,
            )

    def migrate(self, name: str) -> None:
        """Bring a service's database to the service's own version."""
        service = _BY_NAME[name]
        try:
            subprocess.run(  # noqa: S603 (our own program, no shell)
                self._command(service, "migrate"),
                env=self._service_environment(service),
                check=True,
                capture_output=True,
                text=True,
                timeout=_MIGRATE_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise ProcessError(
                f"The database of {name} was not migrated within {_MIGRATE_SECONDS:.0f} s."
            ) from error
        except subprocess.CalledProcessError as error:
            last = "\n".join(
                f"  {line}" for line in (error.stdout + error.stderr).splitlines()[-15:]
            )
            raise ProcessError(
                f"The database of {name} could not be migrated; `{service.package} migrate` ends "
                f"with:\n{last}"
            ) from error

    def why_not_ready(self, name: str) -> str | None:
        """Return why a process cannot serve, None when it can."""
        if name in _BY_NAME:
            return _why_not_ready(f"{self.site.url(name)}{_BY_NAME[name].ready_path}")
        return self._part(name).why_not_ready()

    def stop(self, name: str) -> bool:
        """Stop a process; return whether it ran."""
        home = self.site.home
        if name == postgres.NAME:
            return process.stop(home, name, postgres.STOP_SECONDS, postgres.STOP_SIGNAL)
        if name in _BY_NAME:
            return process.stop(home, name, _BY_NAME[name].stop_seconds)
        seconds = openbao.STOP_SECONDS if name == openbao.NAME else kafka.STOP_SECONDS
        return process.stop(home, name, seconds)

    def _part(self, name: str) -> postgres.Postgres | openbao.OpenBao | kafka.Kafka:
        if name == postgres.NAME:
            return self.site.postgres
        return self.site.openbao if name == openbao.NAME else self.site.kafka

    def _start_service(self, service: Service) -> None:
        launch = process.Launch(
            service.name, self._command(service, "serve"), self._service_environment(service)
        )
        process.start(self.site.home, launch)
        self.wait_ready(service.name)

    def _command(self, service: Service, command: str) -> list[str]:
        return [sys.executable, "-m", service.package, command]

    def _service_environment(self, service: Service) -> dict[str, str]:
        return {
            **_environment(),
            **service_environment(service.name),
            **service.environment(self.site),
            **self.overrides.get(service.name, {}),
        }


def _environment() -> dict[str, str]:
    return {**passed_on_environment(), "PYTHONUNBUFFERED": "1"}


def _why_not_ready(url: str) -> str | None:
    try:
        answer = httpx2.get(url, timeout=_ANSWER_SECONDS, trust_env=False)
    except httpx2.HTTPError as error:
        return f"nothing answers at {url} ({error})"
    return None if answer.is_success else _failed_checks(answer)


def _failed_checks(answer: httpx2.Response) -> str:
    """Say which required checks of `/readyz` failed and what they found."""
    try:
        checks = answer.json()["checks"].items()
        failed = [
            f"{name}: {check['detail']}"
            for name, check in checks
            if check["required"] and not check["ok"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        failed = []
    return "; ".join(failed) or f"{answer.request.url.path} answers {answer.status_code}"

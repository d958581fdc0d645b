"""Where the services are and who asks: the environment's variables, else those of a local stack.

A token of the local stack's file goes to the addresses of that file only: whoever points a variable
at another installation must name that one's token too.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from tollway_cli.commands.options import DEFAULT_HOME
from tollway_cli.errors import CommandError
from tollway_cli.stack import envfile
from tollway_cli.stack.home import Home

API_KEY_PREFIX = "tw_"


class Service(StrEnum):
    """A service that the command line speaks to."""

    REGISTRY = "registry"
    SECRETS = "secrets"
    ROUTER = "router"
    METERING = "metering"

    @property
    def variable(self) -> str:
        """The variable that holds its address."""
        return f"TOLLWAY_{self.upper()}_URL"


@dataclass(frozen=True, slots=True)
class Connection:
    """The variables of the environment, and those of the file `.tollway/env` behind them."""

    environment: Mapping[str, str] = field(repr=False)
    file: Mapping[str, str] = field(repr=False)
    path: Path

    @classmethod
    def here(cls) -> "Connection":
        """Read both. Raises CommandError for a file that cannot be read."""
        home = Home.at(Path(os.environ.get("TOLLWAY_HOME") or DEFAULT_HOME))
        try:
            file = envfile.read(home)
        except OSError as error:
            raise CommandError(f"{home.env} cannot be read ({error.strerror}).") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"{home.env} is damaged. Make it anew: make up") from error
        return cls(dict(os.environ), file, home.env)

    def url(self, service: Service) -> str:
        """Return a service's address without a slash at its end. Raises CommandError."""
        name = service.variable
        url = self.environment.get(name) or self.file.get(name)
        if not url:
            raise CommandError(
                f"Where is the {service}? Start a local stack with `make up` "
                f"({self.path} would then say it), or set {name}."
            )
        if not _is_address(url):
            raise CommandError(
                f"{name} must be an http or https address without a user or a query, "
                "such as http://127.0.0.1:8001."
            )
        return url.rstrip("/")

    def admin_token(self, service: Service) -> str:
        """Return the token to show to a service. Raises CommandError."""
        name = "TOLLWAY_ADMIN_TOKEN"
        token = self.environment.get(name) or self._local(name, service)
        if not token:
            raise CommandError(
                f"No token for the {service} at {self.url(service)}: set {name}.{self._not_sent()}"
            )
        return _sendable(name, token)

    def api_key(self) -> str:
        """Return the API key to show to the router. Raises CommandError.

        A key in OPENAI_API_KEY that is not one of ours belongs to somebody else and is not sent.
        """
        given = self.environment.get("OPENAI_API_KEY", "")
        key = self.environment.get("TOLLWAY_API_KEY")
        key = key or (given if given.startswith(API_KEY_PREFIX) else None)
        key = key or self._local("OPENAI_API_KEY", Service.ROUTER)
        if not key:
            raise CommandError(
                "No API key for the router: make one with `tollway keys create NAME` and set "
                f"TOLLWAY_API_KEY.{self._not_sent()}"
            )
        return _sendable("The API key", key)

    def workspace(self, named: str | None) -> str:
        """Return the workspace: the named one, else the local stack's. Raises CommandError."""
        workspace = named or self.file.get("TOLLWAY_WORKSPACE")
        if not workspace:
            raise CommandError("Which workspace? Name it with -w, or set TOLLWAY_WORKSPACE.")
        return workspace

    def _local(self, name: str, service: Service) -> str | None:
        ours = self.file.get(service.variable, "").rstrip("/")
        return self.file.get(name) if self.url(service) == ours else None

    def _not_sent(self) -> str:
        return f" What {self.path} holds is for its own addresses only." if self.file else ""


def variable(name: str) -> str | None:
    """Return a variable of the environment that a person named, None when it is not set."""
    return os.environ.get(name)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_fits = parts.port != 0  # reading it raises ValueError where it is no port at all
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    extra = parts.username or parts.password or parts.query or parts.fragment
    named = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return plain and named and port_fits and not extra


def _sendable(name: str, token: str) -> str:
    stripped = token.strip()
    if not (stripped.isascii() and stripped.isprintable() and " " not in stripped):
        raise CommandError(f"{name} has characters that no token has; was it copied whole?")
    return stripped

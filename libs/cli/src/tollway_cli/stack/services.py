"""Tollway's own services on a local stack: what each is started with.

Each gets its own variables and nothing of the others': only metering's process knows metering's
database password.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tollway_cli.stack import trust
from tollway_cli.stack.home import Home
from tollway_cli.stack.kafka import Kafka
from tollway_cli.stack.openbao import OpenBao
from tollway_cli.stack.ports import HOST, Ports
from tollway_cli.stack.postgres import Postgres

USAGE_GROUP = "tollway-metering"


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a service's settings may point at."""

    home: Home
    ports: Ports

    @property
    def postgres(self) -> Postgres:
        """The databases."""
        return Postgres(self.home, self.ports)

    @property
    def openbao(self) -> OpenBao:
        """The keeper of keys."""
        return OpenBao(self.home, self.ports)

    @property
    def kafka(self) -> Kafka:
        """The broker."""
        return Kafka(self.home, self.ports)

    @property
    def trust(self) -> trust.Trust:
        """The maker of tokens."""
        return trust.Trust(self.home)

    def url(self, name: str) -> str:
        """Return where a service answers."""
        return f"http://{HOST}:{self.ports.of(name)}"


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its Python package, its own settings, and whether it has a database to migrate."""

    name: str
    package: str
    settings: Callable[[Site], Mapping[str, str]]
    migrates: bool
    stop_seconds: float
    ready_path: str = "/readyz"

    def environment(self, site: Site) -> dict[str, str]:
        """Return its TOLLWAY_ variables."""
        listening = {"TOLLWAY_HOST": HOST, "TOLLWAY_PORT": str(site.ports.of(self.name))}
        return {**listening, **self.settings(site)}


def _kafka(site: Site) -> dict[str, str]:
    return {
        "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": site.kafka.bootstrap_servers,
        "TOLLWAY_KAFKA_REPLICATION_FACTOR": "1",
        "TOLLWAY_KAFKA_IDEMPOTENCE": "false",  # the local broker cannot
    }


def _people(site: Site) -> dict[str, str]:
    return {
        "TOLLWAY_PEOPLE_ISSUER": trust.PEOPLE_ISSUER,
        "TOLLWAY_PEOPLE_JWKS": str(site.home.jwks),
        "TOLLWAY_PEOPLE_AUDIENCE": trust.PEOPLE_AUDIENCE,
        "TOLLWAY_PEOPLE_ROLES_CLAIM": trust.ROLES_CLAIM,
    }


def _database(site: Site, name: str) -> dict[str, str]:
    return {"TOLLWAY_DATABASE_URL": site.postgres.url(name)}


def _registry(site: Site) -> Mapping[str, str]:
    return {**_database(site, "tollway_registry"), **_kafka(site), **_people(site)}


def _secrets(site: Site) -> Mapping[str, str]:
    return {
        **_database(site, "tollway_secrets"),
        **_kafka(site),
        **_people(site),
        "TOLLWAY_SERVICE_ISSUER": trust.SERVICE_ISSUER,
        "TOLLWAY_SERVICE_JWKS": str(site.home.jwks),
        "TOLLWAY_ROUTER_SUBJECT": trust.ROUTER_SUBJECT,
        "TOLLWAY_VAULT_URL": site.openbao.url,
        "TOLLWAY_VAULT_AUTH": "token-file",
        "TOLLWAY_VAULT_TOKEN_FILE": str(site.openbao.token_file),
    }


def _metering(site: Site) -> Mapping[str, str]:
    return {**_database(site, "tollway_metering"), **_kafka(site), **_people(site)}


def _router(site: Site) -> Mapping[str, str]:
    return {
        **_kafka(site),
        "TOLLWAY_SECRETS_URL": site.url("secrets"),
        "TOLLWAY_SECRETS_TOKEN_FILE": str(site.trust.router_token_file),
        "TOLLWAY_SPOOL_DIR": str(site.home.router / "spool"),
        "TOLLWAY_TABLE_CACHE": str(site.home.router / "table.json"),
        "TOLLWAY_EGRESS_LOOPBACK": "allow",  # the simulator, and models on this machine
        "TOLLWAY_EGRESS_HTTP": "allow",
    }


def _simulator(_: Site) -> Mapping[str, str]:
    return {}


SERVICES = (
    Service(
        "simulator",
        "tollway_simulator",
        _simulator,
        migrates=False,
        stop_seconds=5.0,
        ready_path="/livez",  # it needs nothing but itself
    ),
    Service("secrets", "tollway_secrets", _secrets, migrates=True, stop_seconds=15.0),
    Service("registry", "tollway_registry", _registry, migrates=True, stop_seconds=15.0),
    Service("metering", "tollway_metering", _metering, migrates=True, stop_seconds=15.0),
    Service("router", "tollway_router", _router, migrates=False, stop_seconds=40.0),
)
"""In the order in which a list shows them; they start together."""

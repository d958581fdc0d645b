"""What services read from their environment. The only place that does, with each `settings.py`.

A service's own settings class derives from the groups here that it needs; every field `x_y` is the
variable `TOLLWAY_X_Y`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, PostgresDsn, SecretStr, UrlConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TOLLWAY_", extra="ignore", frozen=True)


class ServiceSettings(_Settings):
    """What every service needs: where to listen, how to log, where traces go."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    otlp_endpoint: str | None = Field(
        default=None, validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint")
    )


class DatabaseSettings(_Settings):
    """The service's own PostgreSQL database, as `postgresql+psycopg://user:password@host/name`."""

    database_url: Annotated[
        PostgresDsn, UrlConstraints(allowed_schemes=["postgresql+psycopg"], host_required=False)
    ]
    database_pool_size: Annotated[int, Field(ge=1)] = 10


class KafkaSettings(_Settings):
    """How to reach Kafka. Idempotent producing is off for brokers that cannot do it."""

    kafka_bootstrap_servers: str
    kafka_replication_factor: Annotated[int, Field(ge=1)] = 3
    kafka_idempotence: bool = True
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ca_file: Path | None = None


class PeopleTrustSettings(_Settings):
    """Whose tokens people may present, and which claim says what they may do where.

    `people_jwks` is a file or an https address. The roles claim is an object of workspace name (or
    `*`) to a list of roles.
    """

    people_issuer: str
    people_jwks: str
    people_audience: str = "tollway"
    people_roles_claim: str = "tollway_roles"


class ServiceTrustSettings(_Settings):
    """Whose tokens services may present. In Kubernetes the cluster's own issuer.

    `service_jwks` is a file or an https address; the address may need a token and a CA of its own,
    as that of a Kubernetes API server does.
    """

    service_issuer: str
    service_jwks: str
    service_jwks_token_file: Path | None = None
    service_jwks_ca_file: Path | None = None

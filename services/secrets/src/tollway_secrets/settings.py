"""What the secrets service reads from its environment."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, ValidationInfo, field_validator

from tollway_kit.settings import (
    DatabaseSettings,
    KafkaSettings,
    PeopleTrustSettings,
    ServiceSettings,
    ServiceTrustSettings,
)


# ServiceSettings stands last: the last base's configuration, with the variables' prefix, holds.
class SecretsSettings(
    DatabaseSettings, KafkaSettings, PeopleTrustSettings, ServiceTrustSettings, ServiceSettings
):
    """The service's settings.

    `vault_auth` is `token-file` (a token that somebody puts into `vault_token_file`; it is renewed,
    and read again when it changes) or `kubernetes` (a login as `vault_role` with the projected
    service-account token in `vault_kubernetes_token_file`). `router_subject` is the one service
    that may read material.
    """

    vault_url: HttpUrl
    vault_auth: Literal["token-file", "kubernetes"] = "token-file"
    vault_token_file: Annotated[Path | None, Field(validate_default=True)] = None
    vault_role: Annotated[str | None, Field(validate_default=True)] = None
    vault_kubernetes_mount: str = "kubernetes"
    vault_kubernetes_token_file: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    vault_ca_file: Path | None = None
    vault_transit_mount: str = "transit"
    vault_key_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")] = (
        "tollway-"
    )
    vault_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    router_subject: str = "tollway-router"

    @field_validator("vault_token_file")
    @classmethod
    def _token_file_for_token_file(cls, value: Path | None, others: ValidationInfo) -> Path | None:
        if value is None and others.data.get("vault_auth") == "token-file":
            msg = "is needed where TOLLWAY_VAULT_AUTH is token-file"
            raise ValueError(msg)
        return value

    @field_validator("vault_role")
    @classmethod
    def _role_for_kubernetes(cls, value: str | None, others: ValidationInfo) -> str | None:
        if value is None and others.data.get("vault_auth") == "kubernetes":
            msg = "is needed where TOLLWAY_VAULT_AUTH is kubernetes"
            raise ValueError(msg)
        return value

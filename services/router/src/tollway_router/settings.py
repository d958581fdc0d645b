"""What the router reads from its environment."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tollway_kit.settings import KafkaSettings, ServiceSettings

Seconds = Annotated[float, Field(gt=0, le=3600)]


class RouterSettings(ServiceSettings, KafkaSettings):
    """`egress_*` say which upstream addresses admins may name; link-local is always refused."""

    secrets_url: str
    secrets_token_file: Path
    credential_refresh: Seconds = 300.0

    spool_dir: Path
    spool_sync: Literal["interval", "always"] = "interval"
    spool_retention: Annotated[float, Field(gt=0)] = 7 * 24 * 3600.0
    table_cache: Path

    egress_private: Literal["deny", "allow"] = "deny"
    egress_loopback: Literal["deny", "allow"] = "deny"
    egress_http: Literal["deny", "allow"] = "deny"

    max_body_bytes: Annotated[int, Field(gt=0)] = 32 * 1024 * 1024
    max_answer_bytes: Annotated[int, Field(gt=0)] = 128 * 1024 * 1024
    connect_timeout: Seconds = 5.0
    first_byte_timeout: Seconds = 60.0
    idle_timeout: Seconds = 60.0
    client_timeout: Seconds = 60.0
    drain_seconds: Seconds = 30.0
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3

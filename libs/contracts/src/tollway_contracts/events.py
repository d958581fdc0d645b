"""The payloads of Tollway's topics. `tollway_contracts.topics` says which goes where."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, RootModel

from tollway_contracts.resources import AnyResource, ApiKeySpec, Limits, Revision
from tollway_contracts.vocabulary import (
    CredentialType,
    Meter,
    ModelName,
    Name,
    Outcome,
    Spec,
    Surface,
)
from tollway_contracts.wire import Instant, Wire

__all__ = ["ApiKeyChanged", "CredentialChanged", "Limits", "ResourceChanged", "UsageRecorded"]


class ResourceChanged(RootModel[AnyResource]):
    """A registry resource's full new state. A deleted one is a tombstone: its key, no body."""

    @classmethod
    def from_newer(cls, data: bytes) -> "ResourceChanged":
        """Read JSON that a later version may have written: fields unknown here are left out."""
        return cls.model_validate_json(data, extra="ignore")

    def to_json(self) -> bytes:
        """Write JSON, snake_case, decimals as strings, times in UTC."""
        return self.model_dump_json().encode()


class ApiKeyChanged(ApiKeySpec):
    """An API key's full new state. The key itself is known by its SHA-256 (hex) only."""

    id: str
    workspace: Name
    name: Name
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    revision: Revision


class CredentialChanged(Wire):
    """A credential has a new version; whoever holds its material drops it. Never material."""

    id: str
    workspace: Name
    name: Name
    type: CredentialType
    version: Annotated[int, Field(ge=1)]
    reason: Literal["created", "rotated", "rewrapped", "republished"]


class UsageRecorded(Wire):
    """One upstream attempt's measured use.

    `occurred_at` is when the attempt was sent upstream; it decides the price. `raw_usage` is the
    provider's usage object word for word, `meters` what it means: disjoint counts, where a meter
    that is absent was not stated. An estimate has `estimated` true and no `raw_usage`.
    (`producer`, `epoch`, `sequence`) number a router process's events without a gap, from 1.
    """

    id: str
    producer: str
    epoch: Annotated[int, Field(ge=0)]
    sequence: Annotated[int, Field(ge=1)]
    workspace: Name
    request_id: str
    attempt: Annotated[int, Field(ge=1)]
    occurred_at: Instant
    ended_at: Instant
    surface: Surface
    spec: Spec
    model: ModelName
    deployment: Name
    provider: Name
    upstream_model: str
    response_model: str | None = None
    response_id: str | None = None
    api_key_id: str
    api_key: Name
    cost_centre: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    user: str | None = None
    streamed: bool
    outcome: Outcome
    upstream_status: int | None = None
    estimated: bool = False
    raw_usage: dict[str, JsonValue] | None = None
    meters: dict[Meter, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    flags: tuple[str, ...] = ()
    service_tier: str | None = None
    region: str | None = None
    first_byte_ms: Annotated[int, Field(ge=0)] | None = None

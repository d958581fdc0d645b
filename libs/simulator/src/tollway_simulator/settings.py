"""Settings of the simulator, read from the environment."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SimulatorSettings(BaseSettings):
    """Environment variables `TOLLWAY_<NAME>`; the defaults fit a laptop.

    `simulator_keys` is a comma list; without it every key is accepted. `simulator_corpus` is a
    folder with recorded exchanges in `x/<id>.json`.
    """

    model_config = SettingsConfigDict(env_prefix="TOLLWAY_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=0, le=65535)
    simulator_corpus: Path | None = None
    simulator_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    simulator_ledger_entries: int = Field(default=100_000, ge=0)
    simulator_seen_requests: int = Field(default=200, ge=0)

    @field_validator("simulator_keys", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(key.strip() for key in value.split(",") if key.strip())
        return value

    @field_validator("simulator_corpus", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return value or None

    def accepted_keys(self) -> list[str]:
        """The keys that requests may carry."""
        return [key.get_secret_value() for key in self.simulator_keys]

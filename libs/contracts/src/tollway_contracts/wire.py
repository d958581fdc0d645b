"""The base of everything that crosses a process boundary as JSON."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
)
from pydantic.alias_generators import to_camel


def _either_case(field: str) -> str | AliasChoices:
    camel = to_camel(field)
    return field if camel == field else AliasChoices(field, camel)


class Wire(BaseModel):
    """Immutable; read in snake_case or camelCase, written in snake_case; unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=AliasGenerator(validation_alias=_either_case),
        validate_by_name=True,
        serialize_by_alias=True,
    )

    @classmethod
    def from_newer(cls, data: bytes | str) -> Self:
        """Read JSON that a later version may have written: fields unknown here are left out."""
        return cls.model_validate_json(data, extra="ignore")

    def to_json(self) -> bytes:
        """Write JSON, snake_case, decimals as strings, times in UTC."""
        return self.model_dump_json().encode()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, snake_case."""
        return self.model_dump(mode="json")


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        msg = "is before the year 1 or after the year 9999 in UTC"
        raise ValueError(msg) from error


Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A point in time. Needs an offset when read; is UTC afterwards."""

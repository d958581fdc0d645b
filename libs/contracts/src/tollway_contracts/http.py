"""HTTP shapes that more than one of Tollway's parts reads or writes."""

from typing import Generic, Literal, TypeVar

from pydantic import Field, JsonValue

from tollway_contracts.resources import ApiKey
from tollway_contracts.vocabulary import CredentialType, Name
from tollway_contracts.wire import Instant, Wire

Item = TypeVar("Item", bound=Wire)


class Problem(Wire):
    """An RFC 9457 problem document. `code` is stable and what programs compare."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[dict[str, JsonValue], ...] = ()


class Page(Wire, Generic[Item]):
    """A page of a list. `next` is the cursor of the page after it, None on the last."""

    items: tuple[Item, ...]
    next: str | None = None


class CreatedApiKey(ApiKey):
    """The answer to a key's creation: the only time that the key itself is shown.

    `key` is None in the answer to a repeated `Idempotency-Key`: nobody keeps the key, so it cannot
    be said twice. Whoever missed the first answer deletes the API key and creates another.
    """

    key: str | None = Field(repr=False)


class Credential(Wire):
    """An upstream key set as people see it: `hints` has a masked form of each secret field."""

    resource: Literal["credential"] = "credential"
    id: str
    workspace: Name
    name: Name
    type: CredentialType
    hints: dict[str, str]
    version: int
    revision: int
    created_at: Instant
    updated_at: Instant


class CredentialMaterial(Wire):
    """An upstream key set in plain text, which only a router may ask for and nothing may store."""

    id: str
    version: int
    type: CredentialType
    data: dict[str, str] = Field(repr=False)


class Costs(Wire):
    """A cost report. Amounts are decimal strings; a row has the group's keys besides its own."""

    currency: Literal["USD"] = "USD"
    from_: Instant = Field(validation_alias="from", serialization_alias="from")
    to: Instant
    total: str
    rows: tuple[dict[str, JsonValue], ...]
    unpriced: dict[str, JsonValue]

"""The bodies that this service alone reads or writes."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, SecretStr, StrictBool, WithJsonSchema

from tollway_contracts.vocabulary import CredentialType, Name
from tollway_contracts.wire import Instant, Wire
from tollway_secrets.data import DATA_OF_TYPE


def _one_of_the_types(schema: dict[str, Any]) -> None:
    """Say in JSON Schema which data belongs to which type; `data.new_data` holds to it."""
    shared = schema.pop("properties")
    schema["oneOf"] = [
        {
            "type": "object",
            "title": model.__name__.removesuffix("Data"),
            "properties": {
                **shared,
                "type": {"const": kind.value, "type": "string"},
                "data": model.model_json_schema(),
            },
            "required": ["name", "type", "data"],
            "additionalProperties": False,
        }
        for kind, model in DATA_OF_TYPE.items()
    ]
    for key in ("required", "additionalProperties", "type"):
        schema.pop(key)


class CredentialSpec(Wire):
    """A new credential."""

    model_config = ConfigDict(hide_input_in_errors=True, json_schema_extra=_one_of_the_types)

    name: Name
    type: CredentialType
    data: dict[str, SecretStr | None]


_CHANGES = {
    "type": "object",
    "description": "The fields to change. A missing or empty one keeps what is there, null removes "
    "one that its type can do without.",
    "properties": {
        field: {"type": ["string", "null"], "format": "password", "writeOnly": True}
        for model in DATA_OF_TYPE.values()
        for field in model.model_fields
    },
    "additionalProperties": False,
}


class CredentialPatch(Wire):
    """A rotation to other data. Name and type never change."""

    model_config = ConfigDict(hide_input_in_errors=True)

    data: Annotated[dict[str, SecretStr | None], WithJsonSchema(_CHANGES)] = Field(
        default_factory=dict
    )


class RewrapRequest(Wire):
    """Whether the workspace's Transit key gets a new version first."""

    rotate: StrictBool = False


class RewrapReport(Wire):
    """What a rewrap did. Sending it again continues where one was cut short.

    `key_version` is the Transit key's newest version, None where the workspace has no credential.
    `current` counts ciphertexts that were made with it already, `unreadable` names the credentials
    whose ciphertext does not open any more.
    """

    key_version: int | None
    rewrapped: Annotated[int, Field(ge=0)]
    current: Annotated[int, Field(ge=0)]
    unreadable: tuple[Name, ...] = ()


class AuditEntry(Wire):
    """Who did what to which credential, when, and how it ended."""

    id: str
    workspace: Name
    at: Instant
    actor: str
    actor_kind: Literal["person", "service"]
    action: Literal["create", "rotate", "delete", "read-material", "rotate-key", "rewrap"]
    outcome: Literal["done", "unreadable"]
    credential_id: str | None = None
    credential: Name | None = None
    detail: dict[str, JsonValue] = Field(default_factory=dict)

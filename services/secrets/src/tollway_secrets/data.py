"""What a credential of each type holds, what of it may be shown, and how a rotation changes it.

Pure rules. Secrets stay inside `SecretStr` until `plain` is called, which the cipher's caller does;
no message here says what a field holds.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from tollway_contracts.vocabulary import CredentialType
from tollway_contracts.wire import Wire
from tollway_secrets.errors import FieldError, InvalidData

MASK = "…"
SHOWN = 4
SHOWN_FROM = 16  # of a shorter secret, four characters would be too much

MAX_SECRET = 8_192
MAX_DOCUMENT = 65_536

# What an HTTP header takes. White space around it comes with copy and paste.
_PRINTABLE = re.compile(r"\s*([!-~](?:[ -~]*[!-~])?)\s*")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def _clean(value: SecretStr) -> SecretStr:
    match = _PRINTABLE.fullmatch(value.get_secret_value())
    if match is None:
        msg = "must be one line of printable ASCII characters, and not empty"
        raise ValueError(msg)
    return SecretStr(match.group(1))


def _service_account(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    account = _json_object(text)
    missing = [
        name
        for name in ("type", "client_email", "private_key")
        if not isinstance(account.get(name), str) or not account[name].strip()
    ]
    if missing:
        msg = f"must be a service account's key file; it lacks {', '.join(missing)}"
        raise ValueError(msg)
    if account["type"] != "service_account":
        msg = "must be a service account's key file: its type must be service_account"
        raise ValueError(msg)
    return SecretStr(text)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        msg = "must be the text of a JSON object"
        raise ValueError(msg)  # without the cause, which quotes the text
    return value


_TEXT_SCHEMA = {
    "type": "string",
    "format": "password",
    "writeOnly": True,
    "minLength": 1,
    "maxLength": MAX_SECRET,
    "pattern": r"^\s*[!-~]([ -~]*[!-~])?\s*$",
}
_DOCUMENT_SCHEMA = {
    "type": "string",
    "format": "password",
    "writeOnly": True,
    "contentMediaType": "application/json",
    "maxLength": MAX_DOCUMENT,
}

SecretText = Annotated[
    SecretStr, Field(max_length=MAX_SECRET), AfterValidator(_clean), WithJsonSchema(_TEXT_SCHEMA)
]
SecretDocument = Annotated[
    SecretStr,
    Field(max_length=MAX_DOCUMENT),
    AfterValidator(_service_account),
    WithJsonSchema(_DOCUMENT_SCHEMA),
]


class CredentialData(Wire):
    """The secret fields of a credential. `forms` are sets of fields that exclude each other."""

    model_config = ConfigDict(hide_input_in_errors=True)

    forms: ClassVar[tuple[frozenset[str], ...]] = ()

    def plain(self) -> dict[str, str]:
        """Return the fields in plain text, those without a value left out."""
        return {
            name: value.get_secret_value() for name, value in self if isinstance(value, SecretStr)
        }

    def hints(self) -> dict[str, str]:
        """Return a masked form of each field that has a value."""
        return {name: _masked(value) for name, value in self.plain().items()}


class ApiKeyData(CredentialData):
    """One key, sent in a header."""

    api_key: SecretText


class AwsData(CredentialData):
    """An AWS access key, perhaps with a session, or a Bedrock API key."""

    forms = (
        frozenset({"access_key_id", "secret_access_key", "session_token"}),
        frozenset({"bearer_token"}),
    )

    access_key_id: SecretText | None = None
    secret_access_key: SecretText | None = None
    session_token: SecretText | None = None
    bearer_token: SecretText | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "AwsData":
        given = set(self.plain())
        if given == {"bearer_token"}:
            return self
        if "bearer_token" in given or not {"access_key_id", "secret_access_key"} <= given:
            msg = "must have access_key_id and secret_access_key, or bearer_token alone"
            raise ValueError(msg)
        return self


class GoogleServiceAccountData(CredentialData):
    """The JSON key file of a Google service account, as text."""

    service_account_json: SecretDocument

    def hints(self) -> dict[str, str]:
        """Return the project's part of the account's address; nothing of the key."""
        account = json.loads(self.service_account_json.get_secret_value())
        domain = account["client_email"].rpartition("@")[2]
        shown = f"{MASK}@{domain}" if _DOMAIN.fullmatch(domain) else MASK
        return {"service_account_json": shown}


DATA_OF_TYPE: dict[CredentialType, type[CredentialData]] = {
    CredentialType.API_KEY: ApiKeyData,
    CredentialType.AWS: AwsData,
    CredentialType.GOOGLE_SERVICE_ACCOUNT: GoogleServiceAccountData,
}

Given = Mapping[str, SecretStr | None]
"""Fields as a request has them, in either case."""


def new_data(kind: CredentialType, given: Given) -> CredentialData:
    """Read a new credential's data. Raises InvalidData."""
    model = DATA_OF_TYPE[kind]
    try:
        return model.model_validate({name: _revealed(value) for name, value in given.items()})
    except ValidationError as error:
        raise InvalidData(*_field_errors(error)) from None  # the cause holds the data


def changes(kind: CredentialType, given: Given) -> dict[str, str | None]:
    """Return what a rotation changes, by field; None removes. Empty fields change nothing.

    Raises InvalidData for a field that the type does not have.
    """
    names = _names(kind)
    unknown = [name for name in given if name not in names]
    if unknown:
        raise InvalidData(
            *(FieldError(f"data.{name}", f"is not a field of the type {kind}") for name in unknown)
        )
    revealed = {names[name]: _revealed(value) for name, value in given.items()}
    return {name: value for name, value in revealed.items() if value is None or value.strip()}


def keeps_nothing(kind: CredentialType, changed: Mapping[str, str | None]) -> bool:
    """Whether a rotation needs to know nothing of what was there."""
    return set(DATA_OF_TYPE[kind].model_fields) <= set(changed) | _superseded(kind, changed)


def rotated(
    kind: CredentialType, old: Mapping[str, str], changed: Mapping[str, str | None]
) -> CredentialData:
    """Return `old` with changes. A field of one form removes the fields of the other forms.

    Raises InvalidData.
    """
    gone = _superseded(kind, changed)
    merged = {name: value for name, value in old.items() if name not in gone} | dict(changed)
    return new_data(
        kind, {name: SecretStr(value) for name, value in merged.items() if value is not None}
    )


def _superseded(kind: CredentialType, changed: Mapping[str, str | None]) -> set[str]:
    given = {name for name, value in changed.items() if value is not None}
    others = (form for form in DATA_OF_TYPE[kind].forms if given and not form & given)
    return {name for form in others for name in form}


def _names(kind: CredentialType) -> dict[str, str]:
    """Return a type's field names, by themselves and by their camelCase form."""
    fields = list(DATA_OF_TYPE[kind].model_fields)
    return {name: name for name in fields} | {to_camel(name): name for name in fields}


def _revealed(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()


def _masked(secret: str) -> str:
    return MASK + secret[-SHOWN:] if len(secret) >= SHOWN_FROM else MASK


def _field_errors(error: ValidationError) -> list[FieldError]:
    items = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        FieldError(
            ".".join(["data", *(str(part) for part in item["loc"])]),
            item["msg"].removeprefix("Value error, "),
        )
        for item in items
    ]

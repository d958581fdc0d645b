"""Where a credential's secrets come from: variables, files, a pipe, or hidden typing.

Never an argument: arguments stand in the process list and in the shell's history. No message here
repeats what was given, for it may be a secret in the wrong place.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from tollway_cli.api.settings import variable
from tollway_cli.errors import CommandError
from tollway_contracts.vocabulary import CredentialType

STDIN = "-"

FIELDS: Mapping[CredentialType, tuple[str, ...]] = {
    CredentialType.API_KEY: ("api_key",),
    CredentialType.AWS: (
        "access_key_id",
        "secret_access_key",
        "session_token",
        "bearer_token",
    ),
    CredentialType.GOOGLE_SERVICE_ACCOUNT: ("service_account_json",),
}

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Sources:
    """What `--from-env` and `--from-file` said, each `SOURCE` or `FIELD=SOURCE`."""

    variables: Sequence[str]
    files: Sequence[str]

    def read(self, kind: CredentialType) -> dict[str, str]:
        """Return a type's secret fields. Raises BadParameter, CommandError."""
        data: dict[str, str] = {}
        for flag, given, reader in (
            ("--from-env", self.variables, _variable),
            ("--from-file", self.files, _file),
        ):
            for source in given:
                data |= _read(kind, flag, source, reader)
        if not (self.variables or self.files):
            return _asked(kind) if sys.stdin.isatty() else _whole(kind, sys.stdin.read(), "stdin")
        return data


def _read(
    kind: CredentialType, flag: str, source: str, reader: Callable[[str, str], str]
) -> dict[str, str]:
    named, equals, rest = source.partition("=")
    field = named.replace("-", "_")
    if equals and field in FIELDS[kind]:
        return {field: reader(flag, rest).strip()}
    return _whole(kind, reader(flag, source), flag)


def _whole(kind: CredentialType, text: str, where: str) -> dict[str, str]:
    """Return the fields in a text: the one field itself, or a JSON object of several."""
    if not text.strip():
        raise CommandError(f"There is no secret in what {where} gave: it is empty.")
    fields = FIELDS[kind]
    if len(fields) == 1:
        return {fields[0]: text.strip()}
    data = _object(text)
    if data is None or not set(data) <= set(fields):
        raise typer.BadParameter(
            f"a credential of type {kind} has several fields; name one, as in "
            f"{fields[0]}=SOURCE, or give a JSON object of them: {', '.join(fields)}",
            param_hint=f"'{where}'",
        )
    return data


def _object(text: str) -> dict[str, str] | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        return None
    return data


def _variable(flag: str, name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        msg = "takes the name of a variable of the environment, never what it holds"
        raise typer.BadParameter(msg, param_hint=f"'{flag}'")
    value = variable(name)
    if not value:
        raise CommandError("The variable that --from-env names is not set, or is empty.")
    return value


def _file(_: str, path: str) -> str:
    try:
        return sys.stdin.read() if path == STDIN else Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise CommandError(f"The file that --from-file names cannot be read: {why}.") from None


def _asked(kind: CredentialType) -> dict[str, str]:
    """Ask at the terminal; what is typed does not show."""
    if kind is CredentialType.GOOGLE_SERVICE_ACCOUNT:
        msg = "give the service account's key file with --from-file"
        raise typer.BadParameter(msg)
    if kind is CredentialType.API_KEY:
        return {"api_key": _hidden("API key")}
    access_key_id = _hidden("Access key id (empty for a Bedrock API key)", empty=True)
    if not access_key_id:
        return {"bearer_token": _hidden("Bedrock API key")}
    data = {"access_key_id": access_key_id, "secret_access_key": _hidden("Secret access key")}
    session = _hidden("Session token (empty for none)", empty=True)
    return data | ({"session_token": session} if session else {})


def _hidden(label: str, *, empty: bool = False) -> str:
    default = "" if empty else None
    answer: str = typer.prompt(
        label, hide_input=True, err=True, default=default, show_default=False
    )
    return answer.strip()

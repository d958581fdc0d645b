"""What can go wrong here besides what the kit knows, and how a caller is told."""

from dataclasses import dataclass

from fastapi import FastAPI, Request
from starlette.responses import Response

from tollway_kit.errors import Conflict, Invalid, Unavailable, problem_response


class VaultUnavailable(Unavailable):
    """Vault is sealed, away, or refuses this service's token."""


class Unreadable(Conflict):
    """A stored ciphertext does not open: its key is gone, or it was made for another place.

    Asking again does not help; storing the credential's data anew does.
    """

    code, title = "unreadable", "Cannot be opened"


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a request. Says nothing of what the field holds."""

    field: str
    message: str


class InvalidData(Invalid):
    """A credential's data is not what its type needs."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors


def install_own_error_handlers(app: FastAPI) -> None:
    """Answer, besides the kit's errors, data that does not fit its type field by field."""
    app.add_exception_handler(InvalidData, _invalid_data)


async def _invalid_data(_: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidData)  # noqa: S101 - the registration above says so
    errors = tuple({"field": item.field, "message": item.message} for item in error.errors)
    return problem_response(error.status, error.code, error.title, error.detail, errors=errors)

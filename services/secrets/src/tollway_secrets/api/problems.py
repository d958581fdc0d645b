"""How OpenAPI documents the errors."""

from typing import Any

from fastapi import FastAPI

from tollway_contracts.http import Problem
from tollway_kit.errors import PROBLEM_TYPE

_MEANINGS = {
    400: "The body is not JSON that can be read.",
    401: "No token, or one that does not hold (`unauthenticated`).",
    403: "Not allowed, or not in this workspace (`forbidden`).",
    404: "No such credential in the workspace (`not_found`).",
    409: "The state does not allow it (`already_exists`, `unreadable`).",
    412: "`If-Match` names an older revision (`stale_revision`).",
    413: "The body is too large.",
    422: "The request does not fit (`invalid`); `errors` names the fields.",
    503: "The database or, where it is needed, Vault is away or sealed (`unavailable`).",
}

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """Return the `responses` of a route that can fail with `statuses`, besides 401, 403, 503."""
    every = sorted({401, 403, 503, *statuses})
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in every}


class DocumentedApp(FastAPI):
    """An application whose errors OpenAPI shows as `application/problem+json`."""

    def openapi(self) -> dict[str, Any]:
        """Return the document."""
        if self.openapi_schema is None:
            document = super().openapi()
            for operations in document["paths"].values():
                for operation in operations.values():
                    _retype(operation["responses"])
        return super().openapi()


def _retype(responses: dict[str, dict[str, Any]]) -> None:
    for status, response in responses.items():
        content = response.get("content", {})
        if int(status) >= 400 and "application/json" in content:
            content[PROBLEM_TYPE] = content.pop("application/json")

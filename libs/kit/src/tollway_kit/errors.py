"""Errors that a caller sees: RFC 9457 problem documents with a stable code.

A class fixes status and code; its message is meant for the caller. Whatever is not a `ServiceError`
is answered as a 500 that says nothing of its cause.
"""

from typing import ClassVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from tollway_contracts.http import Problem

log = structlog.get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


class ServiceError(Exception):
    """An error whose message may be shown to the caller."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Unauthenticated(ServiceError):
    """No token, or one that does not hold."""

    status, code, title = 401, "unauthenticated", "Not authenticated"
    headers: ClassVar[dict[str, str]] = {"www-authenticate": "Bearer"}


class Forbidden(ServiceError):
    """The caller is known and may not do this, or not in this workspace."""

    status, code, title = 403, "forbidden", "Not allowed"


class NotFound(ServiceError):
    """There is no such thing in this workspace."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(ServiceError):
    """The state does not allow it."""

    status, code, title = 409, "conflict", "Conflict"


class AlreadyExists(ServiceError):
    """The name is taken."""

    status, code, title = 409, "already_exists", "Already exists"


class StaleRevision(ServiceError):
    """The resource has changed since the caller read it."""

    status, code, title = 412, "stale_revision", "Changed meanwhile"


class Invalid(ServiceError):
    """The request is well-formed and makes no sense."""

    status, code, title = 422, "invalid", "Invalid request"


class Unavailable(ServiceError):
    """Something that this needs does not answer now."""

    status, code, title = 503, "unavailable", "Unavailable"
    headers: ClassVar[dict[str, str]] = {"retry-after": "1"}


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of `app` as a problem document."""
    app.add_exception_handler(ServiceError, service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def problem_response(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    errors: tuple[dict[str, str], ...] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Build the answer for one problem."""
    problem = Problem(title=title, status=status, code=code, detail=detail, errors=errors)
    return JSONResponse(problem.to_dict(), status, headers, media_type=PROBLEM_TYPE)


async def service_error(_: Request, error: Exception) -> Response:
    """Answer a ServiceError."""
    assert isinstance(error, ServiceError)  # noqa: S101 - the registration above says so
    return problem_response(
        error.status, error.code, error.title, error.detail, headers=error.headers
    )


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - the registration above says so
    # The offending input is left out: it may be a secret in the wrong place.
    errors = tuple(
        {"field": ".".join(str(part) for part in item["loc"][1:]) or "body", "message": item["msg"]}
        for item in error.errors()
    )
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in errors)
    return problem_response(422, "invalid", "Invalid request", detail, errors=errors)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the registration above says so
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods_at(request))
    return problem_response(
        error.status_code, code, error.detail, str(error.detail), headers=headers
    )


def _methods_at(request: Request) -> list[str]:
    """Return the methods of all routes at the address; Starlette tells those of the first only."""
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, error=type(error).__name__, exc_info=error)
    detail = "Something went wrong here; the service's log has the cause."
    return problem_response(500, "internal", "Internal error", detail)

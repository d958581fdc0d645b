"""Errors as Anthropic's clients know them: `{"type": "error", "error": {"type", "message"}}`."""

from typing import Literal

import msgspec

from tollway_router.canonical.failure import Failure, FailureKind

_TYPES = {
    FailureKind.INVALID_REQUEST: "invalid_request_error",
    FailureKind.UNSUPPORTED: "invalid_request_error",
    FailureKind.AUTHENTICATION: "authentication_error",
    FailureKind.PERMISSION: "permission_error",
    FailureKind.NOT_FOUND: "not_found_error",
    FailureKind.TOO_LARGE: "request_too_large",
    FailureKind.RATE_LIMITED: "rate_limit_error",
    FailureKind.OVERLOADED: "overloaded_error",
    FailureKind.BUDGET_EXCEEDED: "billing_error",
    FailureKind.MAINTENANCE: "overloaded_error",
    FailureKind.UPSTREAM_ERROR: "api_error",
    FailureKind.TIMEOUT: "timeout_error",
    FailureKind.INTERNAL: "api_error",
}


class _Inner(msgspec.Struct):
    type: str
    message: str


class _Body(msgspec.Struct):
    type: Literal["error"]
    error: _Inner


_DECODER = msgspec.json.Decoder(_Body)


def is_own_error(body: bytes) -> bool:
    """Whether a body has the shape that this format's clients read."""
    try:
        _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def error_status(status: int) -> int:
    """4xx and 5xx stay, 529 (overloaded) among them; odd statuses become 502."""
    return status if 400 <= status <= 599 else 502


def write_error(failure: Failure) -> bytes:
    """The error body, which is also the data of an error event."""
    inner = {"type": _TYPES[failure.kind], "message": failure.message}
    return msgspec.json.encode({"type": "error", "error": inner})

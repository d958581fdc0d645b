"""Errors as OpenAI's clients know them: `{"error": {"message", "type", "param", "code"}}`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tollway_router.canonical.failure import Failure, FailureKind

_TYPES = {
    FailureKind.INVALID_REQUEST: "invalid_request_error",
    FailureKind.UNSUPPORTED: "invalid_request_error",
    FailureKind.AUTHENTICATION: "authentication_error",
    FailureKind.PERMISSION: "permission_error",
    FailureKind.NOT_FOUND: "invalid_request_error",
    FailureKind.TOO_LARGE: "invalid_request_error",
    FailureKind.RATE_LIMITED: "rate_limit_error",
    FailureKind.OVERLOADED: "server_error",
    FailureKind.BUDGET_EXCEEDED: "insufficient_quota",
    FailureKind.MAINTENANCE: "server_error",
    FailureKind.UPSTREAM_ERROR: "server_error",
    FailureKind.TIMEOUT: "server_error",
    FailureKind.INTERNAL: "server_error",
}


class _Inner(msgspec.Struct):
    message: str


class _Body(msgspec.Struct):
    error: _Inner | None = None
    detail: str | list[Any] | None = None


_DECODER = msgspec.json.Decoder(_Body)


def is_own_error(body: bytes) -> bool:
    """Whether a body has the shape that this format's clients read, or Mistral's `detail`."""
    try:
        read = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return read.error is not None or bool(read.detail)


def error_status(status: int) -> int:
    """529 is Anthropic's own; clients of this format retry on 503. Odd statuses become 502."""
    if status == 529:
        return 503
    return status if 400 <= status <= 599 else 502


def error_value(failure: Failure) -> dict[str, Any]:
    """The error object."""
    return {
        "error": {
            "message": failure.message,
            "type": _TYPES[failure.kind],
            "param": failure.param,
            "code": failure.code or failure.kind.value,
        }
    }


def error_within(value: Mapping[str, Any]) -> bytes | None:
    """An error in the place of an answer or chunk, or of one of its choices, as an error body."""
    choices = value.get("choices")
    places = [value, *(choices if isinstance(choices, list) else ())]
    for place in places:
        if isinstance(place, Mapping) and place.get("error"):
            return msgspec.json.encode({"error": place["error"]})
    return None


def write_error(failure: Failure) -> bytes:
    """The error body."""
    return msgspec.json.encode(error_value(failure))

"""Understanding an upstream's error body, whatever its shape: a vendor's JSON, a proxy's HTML."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tollway_router.canonical.failure import Failure, FailureKind

_BY_STATUS = {
    401: FailureKind.AUTHENTICATION,
    402: FailureKind.PERMISSION,
    403: FailureKind.PERMISSION,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    413: FailureKind.TOO_LARGE,
    429: FailureKind.RATE_LIMITED,
    503: FailureKind.OVERLOADED,
    504: FailureKind.TIMEOUT,
    529: FailureKind.OVERLOADED,
}
# Words that vendors use for type or code; asked only where no status speaks, inside a 200.
_STATUS_OF_WORD = {
    "invalid_request_error": 400,
    "invalid_request": 400,
    "context_length_exceeded": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "timeout_error": 504,
    "api_error": 500,
    "server_error": 500,
    "overloaded_error": 529,
}


def read_upstream_error(status: int, body: bytes) -> Failure:
    """The failure in an error body; `status` 200 means that it came in place of an answer.

    The status decides before any words: vendors send `invalid_request_error` with a 429.
    """
    value = _json_object(body)
    if value is None:
        real = status if 400 <= status <= 599 else 502
        return Failure(kind_of_status(real), _no_words(status), real)
    return _read_object(status, value)


def _no_words(status: int) -> str:
    return f"the upstream answered with status {status} and a body that is not its format's JSON"


def _json_object(body: bytes) -> Mapping[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else None


def _read_object(status: int, value: Mapping[str, Any]) -> Failure:
    error = value.get("error")
    inner = error if isinstance(error, dict) else value
    code = inner.get("code")
    real = _status(status, inner)
    return Failure(
        kind=kind_of_status(real),
        message=_message(value) or _no_words(status),
        status=real,
        code=str(code) if isinstance(code, str | int) else _text(inner.get("type")),
        param=_text(inner.get("param")),
    )


def _status(status: int, inner: Mapping[str, Any]) -> int:
    if 400 <= status <= 599:
        return status
    for name in ("status_code", "code", "status"):
        number = inner.get(name)
        if isinstance(number, str) and number.isdigit():
            number = int(number)
        if isinstance(number, int) and 400 <= number <= 599:
            return number
    for name in ("code", "type"):
        known = _STATUS_OF_WORD.get(str(inner.get(name)))
        if known is not None:
            return known
    return 502


def _message(value: Mapping[str, Any]) -> str | None:
    """The words of an error: OpenAI's and Anthropic's place, then others' (`detail`, `message`)."""
    error = value.get("error")
    if isinstance(error, dict):
        return _text(error.get("message")) or _text(error.get("type"))
    detail = value.get("detail")
    if isinstance(detail, list):
        detail = "; ".join(str(one.get("msg")) for one in detail if isinstance(one, dict))
    return _text(error) or _text(value.get("message")) or _text(detail)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def kind_of_status(status: int) -> FailureKind:
    """The kind that an HTTP status stands for."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return FailureKind.INVALID_REQUEST if 400 <= status <= 499 else FailureKind.UPSTREAM_ERROR

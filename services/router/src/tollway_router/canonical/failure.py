"""What went wrong, in words that every wire format can be given."""

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """The reason, apart from any format's own error words."""

    INVALID_REQUEST = "invalid_request"
    UNSUPPORTED = "unsupported"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    BUDGET_EXCEEDED = "budget_exceeded"
    MAINTENANCE = "maintenance"
    UPSTREAM_ERROR = "upstream_error"
    TIMEOUT = "timeout"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure as a client may be told of it; `status` is HTTP's, `retry_after` in seconds."""

    kind: FailureKind
    message: str
    status: int
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None


class RequestRefused(Exception):
    """A request that is invalid, or that cannot be said in the upstream's format."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class AnswerUnreadable(Exception):
    """An upstream's answer that is not its own format, or an error in the place of an answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def invalid(message: str, param: str | None = None, code: str | None = None) -> RequestRefused:
    """A refusal with status 400 of a request that breaks its own format."""
    return RequestRefused(Failure(FailureKind.INVALID_REQUEST, message, 400, code, param))


def unsupported(message: str, param: str) -> RequestRefused:
    """A refusal with status 400 of a field that the upstream's format cannot say."""
    return RequestRefused(
        Failure(FailureKind.UNSUPPORTED, message, 400, "unsupported_parameter", param)
    )


def unreadable(message: str) -> AnswerUnreadable:
    """An answer that could not be understood; the client is told 502."""
    return AnswerUnreadable(Failure(FailureKind.UPSTREAM_ERROR, message, 502))

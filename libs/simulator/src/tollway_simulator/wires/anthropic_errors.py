"""Anthropic's error bodies. Source: https://docs.anthropic.com/en/api/errors"""

from typing import Any

import msgspec

from tollway_simulator.refusal import Refusal


class AnthropicError(msgspec.Struct, frozen=True):
    """One row: what stands in `error`, and the status it comes with."""

    status: int
    type: str
    message: str


_INVALID = "invalid_request_error"
_RATE = (
    "This request would exceed the rate limit for your organization (simulated) of 20,000 input "
    "tokens per minute. For details, refer to: https://docs.anthropic.com/en/api/rate-limits. You "
    "can see the response headers for current usage. Please reduce the prompt length or the "
    "maximum tokens requested, or try again later. You may also contact sales at "
    "https://www.anthropic.com/contact-sales to discuss your options for a rate limit increase."
)
_CREDIT = (
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to "
    "upgrade or purchase credits."
)
_FORBIDDEN = "Your API key does not have permission to use the specified resource."

NAMED = {
    "context": AnthropicError(400, _INVALID, "prompt is too long: 210000 tokens > 200000 maximum"),
    "filter": AnthropicError(400, _INVALID, "Output blocked by content filtering policy"),
    "quota": AnthropicError(400, _INVALID, _CREDIT),
    "key": AnthropicError(401, "authentication_error", "invalid x-api-key"),
    "model": AnthropicError(404, "not_found_error", "model: {model}"),
    "too-large": AnthropicError(413, "request_too_large", "Request exceeds the maximum size"),
    "rate": AnthropicError(429, "rate_limit_error", _RATE),
    "overloaded": AnthropicError(529, "overloaded_error", "Overloaded"),
}

_BY_STATUS = {
    400: AnthropicError(400, _INVALID, "Invalid request"),
    401: NAMED["key"],
    402: AnthropicError(402, "billing_error", _CREDIT),
    403: AnthropicError(403, "permission_error", _FORBIDDEN),
    404: NAMED["model"],
    413: NAMED["too-large"],
    429: NAMED["rate"],
    500: AnthropicError(500, "api_error", "Internal server error"),
    504: AnthropicError(504, "timeout_error", "Request timed out"),
    529: NAMED["overloaded"],
}


def error_of(refusal: Refusal) -> AnthropicError:
    """The row that a refusal means, its message completed."""
    row = _row(refusal)
    return AnthropicError(
        refusal.status or row.status, row.type, refusal.message or _message(row, refusal)
    )


def body_of(error: AnthropicError, request_id: str | None) -> bytes:
    """The error body; inside a stream it comes without a request id."""
    body: dict[str, Any] = {
        "type": "error",
        "error": {"type": error.type, "message": error.message},
    }
    if request_id is not None:
        body["request_id"] = request_id
    return msgspec.json.encode(body)


def may_retry(error: AnthropicError) -> bool:
    """What the header `x-should-retry` says."""
    return error.status in (408, 409, 429) or error.status >= 500


def _row(refusal: Refusal) -> AnthropicError:
    if refusal.name:
        unknown = f"The simulator's script has no error `{refusal.name}`."
        return NAMED.get(refusal.name) or AnthropicError(400, _INVALID, unknown)
    status = refusal.status or 500
    if status >= 500:
        return _BY_STATUS.get(status) or AnthropicError(status, "api_error", "Service unavailable")
    return _BY_STATUS.get(status) or AnthropicError(status, _INVALID, "Invalid request")


def _message(row: AnthropicError, refusal: Refusal) -> str:
    if row is NAMED["key"] and not refusal.key:
        return "x-api-key header is required"
    return row.message.format(model=refusal.model or "unknown")

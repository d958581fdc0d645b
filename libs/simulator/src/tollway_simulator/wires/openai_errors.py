"""OpenAI's error bodies, as its API and its issue trackers show them.

Source: https://platform.openai.com/docs/guides/error-codes
"""

import msgspec

from tollway_simulator.refusal import Refusal


class OpenAIError(msgspec.Struct, frozen=True):
    """One row: what stands in `error`, and the status it comes with."""

    status: int
    type: str
    code: str | None
    message: str


_OVERLOADED = "The engine is currently overloaded, please try again later"
_SERVER = (
    "The server had an error processing your request. Sorry about that! You can retry your "
    "request, or contact us through our help center at help.openai.com if you keep seeing this "
    "error."
)
_NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header "
    "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
)
_BAD_KEY = (
    "Incorrect API key provided: {key}. You can find your API key at "
    "https://platform.openai.com/account/api-keys."
)
_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more "
    "information on this error, read the docs: "
    "https://platform.openai.com/docs/guides/error-codes/api-errors."
)
_RATE = (
    "Rate limit reached for {model} in organization org-simulated on tokens per min (TPM): Limit "
    "10000, Used 9348, Requested 5086. Please try again in 26.604s. Visit "
    "https://platform.openai.com/account/rate-limits to learn more."
)
_TOO_LARGE = (
    "Request too large for {model} in organization org-simulated on tokens per min (TPM): Limit "
    "30000, Requested 36278. The input or output tokens must be reduced in order to run "
    "successfully. Visit https://platform.openai.com/account/rate-limits to learn more."
)
_CONTEXT = (
    "This model's maximum context length is 128000 tokens. However, your messages resulted in "
    "130000 tokens. Please reduce the length of the messages."
)
_FILTER = (
    "Your request was rejected as a result of our safety system. Your request may contain content "
    "that is not allowed by our safety system."
)
_MODEL = "The model `{model}` does not exist or you do not have access to it."
_REGION = "Country, region, or territory not supported"
_INVALID = "invalid_request_error"

NAMED = {
    "context": OpenAIError(400, _INVALID, "context_length_exceeded", _CONTEXT),
    "filter": OpenAIError(400, _INVALID, "content_policy_violation", _FILTER),
    "key": OpenAIError(401, _INVALID, "invalid_api_key", _BAD_KEY),
    "model": OpenAIError(404, _INVALID, "model_not_found", _MODEL),
    "quota": OpenAIError(429, "insufficient_quota", "insufficient_quota", _QUOTA),
    "rate": OpenAIError(429, "tokens", "rate_limit_exceeded", _RATE),
    "too-large": OpenAIError(429, "tokens", "rate_limit_exceeded", _TOO_LARGE),
    "overloaded": OpenAIError(503, "server_error", None, _OVERLOADED),
}

_BY_STATUS = {
    400: OpenAIError(400, _INVALID, None, "Invalid request."),
    401: NAMED["key"],
    403: OpenAIError(403, "request_forbidden", "unsupported_country_region_territory", _REGION),
    404: NAMED["model"],
    413: OpenAIError(413, _INVALID, None, "Maximum content size limit (26214400) exceeded."),
    429: NAMED["rate"],
    503: NAMED["overloaded"],
}


def error_of(refusal: Refusal) -> OpenAIError:
    """The row that a refusal means, its message completed."""
    row = _row(refusal)
    status = refusal.status or row.status
    return OpenAIError(status, row.type, row.code, refusal.message or _message(row, refusal))


def body_of(error: OpenAIError, param: str | None) -> bytes:
    """The error body; the same JSON stands in a stream's error event."""
    inner = {
        "message": error.message,
        "type": error.type,
        "param": param,
        "code": error.code,
    }
    return msgspec.json.encode({"error": inner})


def _row(refusal: Refusal) -> OpenAIError:
    if refusal.name:
        unknown = f"The simulator's script has no error `{refusal.name}`."
        return NAMED.get(refusal.name) or OpenAIError(400, _INVALID, None, unknown)
    status = refusal.status or 500
    if refusal.message:
        return OpenAIError(status, _INVALID, None, refusal.message)
    known = _BY_STATUS.get(status)
    kind = "server_error" if status >= 500 else _INVALID
    return known or OpenAIError(status, kind, None, _SERVER if status >= 500 else "Bad request.")


def _message(row: OpenAIError, refusal: Refusal) -> str:
    if row is NAMED["key"] and not refusal.key:
        return _NO_KEY
    return row.message.format(model=refusal.model or "unknown", key=_masked(refusal.key))


def _masked(key: str) -> str:
    """OpenAI repeats the first eight and the last four characters of a wrong key."""
    if len(key) <= 12:
        return "*" * len(key)
    return f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"

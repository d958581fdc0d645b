"""Which headers go to a provider and which come back, and what must not come back."""

from collections.abc import Callable, Mapping

from tollway_router.upstream.specs import SpecRow

REQUEST_ID = "x-tollway-request-id"
REDACTED = b"[redacted]"
SHORTEST_SECRET = 8

_RELAYED = frozenset(
    {"retry-after", "retry-after-ms", "x-should-retry", "request-id", "x-request-id"}
)
_RELAYED_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")


def request_headers(
    spec: SpecRow,
    own: Mapping[str, str],
    secrets: Mapping[str, str],
    client_header: Callable[[str], str | None],
    request_id: str,
) -> dict[str, str]:
    """Return an upstream request's headers.

    `own` are the provider's, set by its admin. Of the client's only those pass that the spec names,
    and its authorisation never does.
    """
    headers = {"content-type": "application/json", REQUEST_ID: request_id, **spec.headers}
    for name in spec.passed_on:
        if (value := client_header(name)) is not None:
            headers[name] = value
    return (
        headers | {name.lower(): value for name, value in own.items()} | spec.authenticate(secrets)
    )


def answer_headers(upstream: Mapping[str, str]) -> dict[str, str]:
    """Return those headers of an upstream's answer that its SDK acts upon."""
    return {
        name.lower(): value
        for name, value in upstream.items()
        if name.lower() in _RELAYED or name.lower().startswith(_RELAYED_PREFIXES)
    }


def without_secrets(body: bytes, secrets: Mapping[str, str]) -> bytes:
    """Return an error body in which no part of the credential is left; providers do quote keys."""
    for secret in secrets.values():
        if len(secret) >= SHORTEST_SECRET:
            body = body.replace(secret.encode(), REDACTED)
    return body

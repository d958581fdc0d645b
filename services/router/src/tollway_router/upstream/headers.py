"""Which headers go to a provider and which come back, and what must not come back."""

import json
import re
from collections.abc import Callable, Mapping

from tollway_router.upstream.specs import SpecRow

REQUEST_ID = "x-tollway-request-id"
REDACTED = b"[redacted]"
SHORTEST_SECRET = 8
# A key this long is found by its first characters alone: so much chance does not repeat.
SHORTEST_SHORTENED = 16
SHORTEST_BEGINNING = 12

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
    """Return an error body in which no credential is left; providers do quote keys.

    A key is found as it is and as JSON escapes it, and its beginning also where the rest is masked
    or cut off.
    """
    for secret in secrets.values():
        if len(secret) >= SHORTEST_SECRET:
            body = _without_secret(body, secret)
    return body


def _without_secret(body: bytes, secret: str) -> bytes:
    is_key = len(secret) >= SHORTEST_SHORTENED and not any(map(str.isspace, secret))
    enough = SHORTEST_BEGINNING if is_key else len(secret)
    beginning = re.compile(b"".join(map(_written, secret[:enough])))
    kept, at = bytearray(), 0
    while found := beginning.search(body, at):
        kept += body[at : found.start()] + REDACTED
        at = found.end()
        for character in secret[enough:]:
            more = re.compile(_written(character)).match(body, at)
            if more is None:
                break
            at = more.end()
    return bytes(kept + body[at:])


def _written(character: str) -> bytes:
    """Return a pattern for a character in all the ways that JSON has for it."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escaped = "".join(rf"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    short = r"\/" if character == "/" else json.dumps(character)[1:-1]
    forms = [re.escape(form.encode("utf-8", "surrogatepass")) for form in (short, character)]
    return b"(?:" + b"|".join(forms) + b"|(?i:" + escaped.encode() + b"))"

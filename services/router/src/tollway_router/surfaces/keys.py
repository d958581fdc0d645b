"""Where the SDKs put an API key."""

from urllib.parse import parse_qs

from starlette.types import Scope


def presented_key(scope: Scope) -> str | None:
    """Return the API key that a request presents, None where it presents none."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    for name in (b"x-api-key", b"x-goog-api-key"):
        if value := headers.get(name):
            return value.decode("latin-1").strip()
    query: bytes = scope.get("query_string", b"")
    return next(iter(parse_qs(query.decode("latin-1")).get("key", [])), None) if query else None

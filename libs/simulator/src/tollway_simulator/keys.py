"""Keys that clients present: where they stand, how they are named without being shown."""

import hashlib
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

KEY_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")
CREDENTIAL_HEADERS = frozenset((*KEY_HEADERS, "authorization", "proxy-authorization", "cookie"))
CREDENTIAL_QUERY = frozenset(("key", "api-key", "api_key"))
_PRINT_LENGTH = 12


def fingerprint(key: str) -> str:
    """The first 12 hex digits of the key's SHA-256; empty for no key."""
    if not key:
        return ""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()[:_PRINT_LENGTH]


def key_of(headers: Mapping[str, str], query: str) -> str:
    """The key in a bearer token, a key header or the query; empty when there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    for name in KEY_HEADERS:
        if value := headers.get(name):
            return value
    if not query:
        return ""
    return next((value for name, value in parse_qsl(query) if name in CREDENTIAL_QUERY), "")


def hide(name: str, value: str) -> str:
    """A header's value with any credential replaced by its fingerprint."""
    if name not in CREDENTIAL_HEADERS:
        return value
    scheme, space, token = value.partition(" ")
    if name == "authorization" and space:
        return f"{scheme} sha256:{fingerprint(token.strip())}"
    return f"sha256:{fingerprint(value)}"


class Gate:
    """Knows which keys open the simulator; without a list, every key and none at all do."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._accepted = frozenset(hashlib.sha256(key.encode()).digest() for key in keys)

    def opens(self, key: str) -> bool:
        """Whether this key may pass."""
        if not self._accepted:
            return True
        return hashlib.sha256(key.encode(errors="replace")).digest() in self._accepted

"""How a credential becomes request headers, per scheme."""

from collections.abc import Callable, Mapping

AuthScheme = Callable[[Mapping[str, str]], dict[str, str]]
"""From a credential's data to headers. An empty credential gives none: some endpoints are open."""


def bearer(data: Mapping[str, str]) -> dict[str, str]:
    """Send the API key as `Authorization: Bearer`."""
    key = data.get("api_key")
    return {"authorization": f"Bearer {key}"} if key else {}


def x_api_key(data: Mapping[str, str]) -> dict[str, str]:
    """Send the API key as `x-api-key`."""
    key = data.get("api_key")
    return {"x-api-key": key} if key else {}

"""The specs as a table: which codec, which address, which header carries the key.

A vendor that differs only in these is a row here, or nothing but a base URL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from tollway_contracts.vocabulary import Spec
from tollway_router.upstream.auth import AuthScheme, bearer, x_api_key


@dataclass(frozen=True, slots=True)
class SpecRow:
    """How an upstream of one spec is called.

    `address` makes the address to post to out of a base URL as people paste it. `headers` are sent
    unless the client's own, of the same name, are passed on; `passed_on` names those.
    """

    codec: str
    native_base_url: str
    address: Callable[[str], str]
    authenticate: AuthScheme
    headers: Mapping[str, str]
    passed_on: frozenset[str]


def chat_completions_address(base_url: str) -> str:
    """Return the Chat Completions address below a base URL.

    `https://host`, `https://host/v1` and `https://host/v1/chat/completions` are all understood. A
    base URL with another path is taken as it is, because vendors have theirs (`/api/v1`,
    `/openai/v1`, `/inference`).
    """
    base = _without_suffix(base_url, "/chat/completions")
    return _extend(base, "/v1/chat/completions" if _has_no_path(base) else "/chat/completions")


def messages_address(base_url: str) -> str:
    """Return the Messages address below a base URL, given with or without `/v1` and `/messages`."""
    base = _without_suffix(_without_suffix(base_url, "/messages"), "/v1")
    return _extend(base, "/v1/messages")


def _has_no_path(url: str) -> bool:
    return urlsplit(url).path in {"", "/"}


def _without_suffix(url: str, suffix: str) -> str:
    return url.rstrip("/").removesuffix(suffix)


def _extend(url: str, path: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


SPECS: Mapping[Spec, SpecRow] = MappingProxyType(
    {
        Spec.OPENAI_CHAT_COMPLETIONS: SpecRow(
            codec="openai-chat",
            native_base_url="https://api.openai.com/v1",
            address=chat_completions_address,
            authenticate=bearer,
            headers=MappingProxyType({}),
            passed_on=frozenset({"openai-beta"}),
        ),
        Spec.ANTHROPIC: SpecRow(
            codec="anthropic-messages",
            native_base_url="https://api.anthropic.com",
            address=messages_address,
            authenticate=x_api_key,
            headers=MappingProxyType({"anthropic-version": "2023-06-01"}),
            passed_on=frozenset({"anthropic-version", "anthropic-beta"}),
        ),
    }
)

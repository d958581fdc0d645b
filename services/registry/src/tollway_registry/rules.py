"""What a specification must obey beyond its shape. Pure: nothing here asks the database."""

import re
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from tollway_contracts.resources import (
    ModelSpec,
    ProviderSpec,
    WorkspaceSpec,
    plain,
)
from tollway_contracts.vocabulary import ProviderOrigin, Spec
from tollway_contracts.wire import Wire
from tollway_kit.errors import Invalid
from tollway_registry.kinds import Kind

SPECS_WITH_DEFAULT_ADDRESS = frozenset(
    {
        Spec.ANTHROPIC,
        Spec.OPENAI_CHAT_COMPLETIONS,
        Spec.OPENAI_COMPLETIONS,
        Spec.OPENAI_RESPONSES,
        Spec.GOOGLE,
    }
)
"""Specs whose vendor has one public address; those of the others follow from their options."""

CREDENTIAL_HEADERS = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-amz-security-token",
        "x-api-key",
        "x-goog-api-key",
    }
)
ROUTER_HEADERS = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say how a message is framed, or where it goes: the router's own business."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_FIELD_VALUE = re.compile(r"[!-~]([ \t!-~]*[!-~])?|")  # RFC 9110, 5.5, without obs-text


def check_spec(name: str, spec: Wire) -> None:
    """Raise Invalid where a specification makes no sense, whatever else the workspace holds."""
    match spec:
        case WorkspaceSpec():
            _check_timezone(spec.timezone)
        case ProviderSpec():
            _check_address(spec)
            _check_headers(spec.headers)
        case ModelSpec():
            _check_fallbacks(name, spec.fallbacks)
        case _:
            pass


def check_change(kind: Kind, before: Wire, after: Wire) -> None:
    """Raise Invalid where a change touches a field that is fixed at creation."""
    if kind.changeable is None:
        return
    old, new = plain(before), plain(after)
    fixed = sorted(field for field in old if old[field] != new[field])
    fixed = [field for field in fixed if field not in kind.changeable]
    if fixed:
        allowed = " and ".join(sorted(kind.changeable))
        msg = (
            f"{', '.join(fixed)}: fixed at creation, so that what was charged stays explained; "
            f"make a new {kind.word} row. Only {allowed} can change."
        )
        raise Invalid(msg)


def is_custom(spec: Wire) -> bool:
    """Whether a specification is that of an endpoint which the workspace brings."""
    return isinstance(spec, ProviderSpec) and spec.origin is ProviderOrigin.CUSTOM


def fallback_cycle(fallbacks: Mapping[str, Sequence[str]], start: str) -> list[str] | None:
    """Return a way from a model over fallbacks back to it, None where there is none."""
    ways = [[start]]
    visited = set()
    while ways:
        way = ways.pop()
        for model in fallbacks.get(way[-1], ()):
            if model == start:
                return [*way, start]
            if model not in visited:
                visited.add(model)
                ways.append([*way, model])
    return None


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        msg = "timezone: not one of the IANA database, such as Europe/Berlin or UTC."
        raise Invalid(msg) from error


def _check_address(spec: ProviderSpec) -> None:
    needs_address = is_custom(spec) and spec.spec in SPECS_WITH_DEFAULT_ADDRESS
    if needs_address and spec.base_url is None:
        msg = (
            f"base_url: a custom provider of spec {spec.spec} needs one. For the vendor's public "
            "API set origin to native."
        )
        raise Invalid(msg)


def _check_headers(headers: Mapping[str, str]) -> None:
    seen = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            msg = "headers: a name consists of letters, digits and !#$%&'*+-.^_`|~."
            raise Invalid(msg)
        if lower in CREDENTIAL_HEADERS:
            msg = f"headers.{name}: keys do not belong here; make a credential and name it."
            raise Invalid(msg)
        if lower in ROUTER_HEADERS:
            msg = f"headers.{name}: the router sets this one itself."
            raise Invalid(msg)
        if lower in seen:
            msg = f"headers.{name}: given twice; upper and lower case are the same."
            raise Invalid(msg)
        if not _FIELD_VALUE.fullmatch(value):
            msg = f"headers.{name}: the value must be printable ASCII without spaces around it."
            raise Invalid(msg)
        seen.add(lower)


def _check_fallbacks(name: str, fallbacks: Sequence[str]) -> None:
    if name in fallbacks:
        msg = f"fallbacks: {name} cannot be its own fallback."
        raise Invalid(msg)
    if len(set(fallbacks)) != len(fallbacks):
        msg = "fallbacks: names a model twice."
        raise Invalid(msg)

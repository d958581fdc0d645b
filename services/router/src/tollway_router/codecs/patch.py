"""Changing single fields of a request while every other value stays byte for byte."""

from collections.abc import Mapping

import msgspec

from tollway_router.canonical.failure import unsupported
from tollway_router.codecs.codec import RequestHead, Target

_TOOL_FIELDS = ("tools", "tool_choice", "parallel_tool_calls")
_NOTHING = frozenset({b"null", b"[]"})


def dropped_by_patch(head: RequestHead, target: Target) -> tuple[str, ...]:
    """The fields that a same-format upstream must not get; refuses tools where they are needed.

    A temperature that a model does not take is dropped whatever the deployment says: clients set
    it by habit, and the answer is still an answer.
    """
    dropped: list[str] = []
    if not target.supports_temperature and _states(head, "temperature"):
        dropped.append("temperature")
    if not target.supports_tools and _states(head, "tools"):
        if target.on_unsupported == "refuse":
            raise unsupported("tools: this model takes no tools", "tools")
        dropped += [name for name in _TOOL_FIELDS if name in head.fields]
    return tuple(dropped)


def _states(head: RequestHead, name: str) -> bool:
    raw = head.fields.get(name)
    return raw is not None and bytes(raw).strip() not in _NOTHING


def patched(
    fields: Mapping[str, msgspec.Raw], changes: Mapping[str, object], dropped: tuple[str, ...] = ()
) -> bytes:
    """The object with some values replaced or added, the rest verbatim and in order."""
    merged: dict[str, object] = {k: v for k, v in fields.items() if k not in dropped}
    merged.update(changes)
    return msgspec.json.encode(merged)


def raw_object(raw: msgspec.Raw | None) -> dict[str, msgspec.Raw] | None:
    """The fields of a nested object, still raw; None if it is absent or no object."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return None

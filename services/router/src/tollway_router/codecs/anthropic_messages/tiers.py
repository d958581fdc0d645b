"""Service tiers: a request may say auto or standard_only; an answer says what was served."""

_REQUESTED = {"standard_only": "standard"}
_ASKED = {"standard": "standard_only", "auto": "auto"}
_SERVED = frozenset({"standard", "priority", "batch"})


def read_request_tier(tier: str | None) -> str | None:
    """The tier that a client asks for."""
    return None if tier is None else _REQUESTED.get(tier, tier)


def write_request_tier(tier: str) -> str | None:
    """The tier in this format's words; None if it has none for it."""
    return _ASKED.get(tier)


def write_served_tier(tier: str | None) -> str | None:
    """The tier of an answer; this format's clients know three."""
    return tier if tier in _SERVED else None

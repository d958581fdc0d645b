"""Service tiers: what this format calls `default` is `standard` among ourselves."""

_READ = {"default": "standard"}
_WRITTEN = {"standard": "default"}


def read_tier(tier: object) -> str | None:
    """The tier; vendors' own words stay."""
    return _READ.get(tier, tier) if isinstance(tier, str) and tier else None


def write_tier(tier: str | None) -> str | None:
    """The tier in this format's words."""
    return None if tier is None else _WRITTEN.get(tier, tier)

"""Ids that sort by the time they were made."""

from uuid_utils import uuid7


def new_id(prefix: str) -> str:
    """Return `<prefix>_` and a UUIDv7 in 32 hexadecimal digits."""
    return f"{prefix}_{uuid7().hex}"

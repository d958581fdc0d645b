"""Cursors: opaque to callers, the last item's sort key inside."""

import base64
import binascii
import json
from collections.abc import Sequence

from tollway_kit.errors import Invalid

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


def write_cursor(*key: str) -> str:
    """Return the cursor of a page that ends at `key`."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, parts: int = 1) -> Sequence[str] | None:
    """Return the sort key in a cursor, None for the first page. Raises Invalid."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError, binascii.Error) as error:
        raise _foreign() from error
    if not (isinstance(key, list) and len(key) == parts and all(_is_text(part) for part in key)):
        raise _foreign()
    return key


def _is_text(part: object) -> bool:
    """Whether a database takes it: neither NUL nor half a surrogate pair."""
    return isinstance(part, str) and part.isprintable()


def _foreign() -> Invalid:
    return Invalid("cursor: not one that this list has given out; start without it.")

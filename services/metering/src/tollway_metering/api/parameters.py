"""Parameters that several operations take."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query

from tollway_contracts.vocabulary import MODEL_NAME_PATTERN, NAME_PATTERN, Role
from tollway_kit.errors import Invalid
from tollway_kit.paging import MAX_LIMIT, read_cursor
from tollway_metering.store.usage import Place

READERS = (Role.ADMIN, Role.FINANCE, Role.AUDITOR)

PRINTABLE = r"^[^\x00-\x1f\x7f]{1,200}$"

Workspace = Annotated[
    str, Path(pattern=NAME_PATTERN, description="The workspace's name.", examples=["acme"])
]
Timezone = Annotated[
    str,
    Query(
        alias="tz",
        max_length=64,
        description="The IANA time zone whose days, weeks and months are meant.",
        examples=["Europe/Berlin"],
    ),
]
From = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=64,
        description="The beginning, included: a date (its midnight in `tz`) or a time with offset.",
        examples=["2026-07-01", "2026-07-01T12:00:00Z"],
    ),
]
To = Annotated[
    str | None,
    Query(
        max_length=64,
        description="The end, excluded: a date (its midnight in `tz`) or a time with offset.",
        examples=["2026-08-01"],
    ),
]
ModelFilter = Annotated[
    str | None, Query(pattern=MODEL_NAME_PATTERN, description="Only this model.")
]
ApiKeyFilter = Annotated[str | None, Query(pattern=NAME_PATTERN, description="Only this API key.")]
RequestFilter = Annotated[
    str | None, Query(pattern=PRINTABLE, description="Only the attempts of this request.")
]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="The longest page to return.")]
Cursor = Annotated[
    str | None, Query(max_length=512, description="`next` of the page before; absent at first.")
]


def place_of(cursor: str | None) -> Place | None:
    """Return where a page of usage begins. Raises Invalid."""
    key = read_cursor(cursor, parts=2)
    if key is None:
        return None
    try:
        at = datetime.fromisoformat(key[0])
        if at.tzinfo is None or "\0" in key[1]:
            raise ValueError(key)
        key[1].encode()
        return at.astimezone(UTC), key[1]
    except (ValueError, OverflowError) as error:
        msg = "cursor: not one that this list has given out; start without it."
        raise Invalid(msg) from error

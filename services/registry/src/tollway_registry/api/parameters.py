"""Parameters that several operations take."""

from typing import Annotated

from fastapi import Header, Path, Query, Request

from tollway_contracts.vocabulary import NAME_PATTERN
from tollway_kit.auth import Person
from tollway_kit.idempotency import MAX_LENGTH, WriteKey
from tollway_kit.paging import DEFAULT_LIMIT, MAX_LIMIT, read_cursor
from tollway_registry.service import Write

Workspace = Annotated[
    str, Path(pattern=NAME_PATTERN, description="The workspace's name.", examples=["acme"])
]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="The longest page to return.")]
Cursor = Annotated[
    str | None, Query(max_length=512, description="`next` of the page before; absent at first.")
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^(\*|(W/)?"?[0-9]{1,18}"?)$',
        description="The ETag of the read that this builds on; 412 where it is no longer so.",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=rf"^[!-~]{{1,{MAX_LENGTH}}}$",
        description="Chosen by the caller; a repeated request is done once and answered alike.",
    ),
]
FIRST_PAGE = DEFAULT_LIMIT


def after_cursor(cursor: str | None) -> str | None:
    """Return the sort key in a cursor, None for the first page. Raises Invalid."""
    key = read_cursor(cursor)
    return None if key is None else key[0]


def write_of(
    request: Request,
    person: Person,
    workspace: str,
    *,
    body: bytes = b"",
    if_match: str | None = None,
    key: str | None = None,
    scope: str | None = None,
) -> Write:
    """Return the circumstances of a request that writes; `scope` is whose the key is."""
    write_key = WriteKey.of(
        scope or workspace, key, request.method, request.url.path, if_match or "", body
    )
    return Write(workspace=workspace, actor=person.subject, if_match=if_match, key=write_key)

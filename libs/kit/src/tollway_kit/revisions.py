"""ETags: a resource's revision as HTTP says it."""

import re

from tollway_kit.errors import Invalid, StaleRevision

_ETAG = re.compile(r'^(?:W/)?"?([0-9]{1,18})"?$')


def etag(revision: int) -> str:
    """Return the ETag of a revision."""
    return f'"{revision}"'


def check_revision(if_match: str | None, revision: int) -> None:
    """Raise StaleRevision where the caller's `If-Match` names another revision than the present."""
    if if_match is None or if_match.strip() == "*":
        return
    match = _ETAG.match(if_match.strip())
    if match is None:
        msg = 'If-Match must be the ETag of a read, such as "3".'
        raise Invalid(msg)
    if int(match.group(1)) != revision:
        msg = f"The resource is at revision {revision} now; read it again and repeat the change."
        raise StaleRevision(msg)

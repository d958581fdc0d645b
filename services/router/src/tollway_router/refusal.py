"""An answer that says no, ready to be sent."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tollway_router.canonical.failure import Failure

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A complete refusal: the client's, unless another deployment does better.

    `asked` is whether a provider was asked at all.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    asked: bool = True


def refusal_of(failure: Failure, told: tuple[int, bytes], *, asked: bool = True) -> Refusal:
    """Return a failure's refusal; `told` is its status and body in the client's format."""
    headers = {"content-type": JSON_TYPE}
    if failure.retry_after is not None:
        headers["retry-after"] = str(math.ceil(failure.retry_after))
    status, body = told
    return Refusal(status, headers, body, asked)

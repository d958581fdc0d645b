"""Ids in the providers' formats, never given twice, not even after a restart."""

import itertools
import secrets
import time

import msgspec

_COUNTER_WIDTH = 10


class Ids:
    """Mints ids from a salt drawn once and a counter: cheap, unique, in order of birth."""

    def __init__(self) -> None:
        self._salt = secrets.token_hex(16)
        self._numbers = itertools.count(1)

    def mint(self, prefix: str, width: int) -> str:
        """An id of `prefix` and `width` further characters (11 to 42)."""
        return f"{prefix}{self._salt[: width - _COUNTER_WIDTH]}{next(self._numbers):010x}"

    def stamp(self, response_prefix: str, width: int) -> "Stamp":
        """Birth certificate of one answer."""
        return Stamp(self.mint(response_prefix, width), int(time.time()), self)


class Stamp(msgspec.Struct, frozen=True):
    """The id and the second of birth of one answer, and the mint for the ids inside it."""

    response_id: str
    created: int
    ids: Ids

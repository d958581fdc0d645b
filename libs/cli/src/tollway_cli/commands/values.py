"""What an option's text may be, and the JSON that it becomes. Wrong text is a ValueError.

Numbers with a fraction stay text from the keyboard to the service: a price is never a float.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from tollway_contracts.resources import DECIMAL_PATTERN

Json = Any


def _same(value: Any) -> Json:
    return value


@dataclass(frozen=True, slots=True)
class Value:
    """A kind of option: its Python type for the parser, and how its values become JSON.

    `keyed` values are objects whose keys the workspace chooses.
    """

    annotation: Any
    to_json: Callable[[Any], Json] = _same
    metavar: str | None = None
    minimum: int | None = None
    keyed: bool = False


def decimal(text: str) -> str:
    """Return an amount as it was typed."""
    if not re.fullmatch(DECIMAL_PATTERN, text, re.ASCII):
        raise ValueError("must be a decimal number such as 0.25")
    return text


def instant(text: str) -> str:
    """Return a point in time as it was typed; it must say its offset."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise ValueError("must be a time with its offset, such as 2026-01-01T00:00:00Z")
    return text


def now() -> str:
    """Return this second, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """Return `key=value` texts as an object."""
    return dict(_pair(text) for text in texts)


def json_pairs(texts: Sequence[str]) -> dict[str, Json]:
    """Return `key=json` texts as an object; what is no JSON is taken as text."""
    return {key: _json_or_text(value) for key, value in map(_pair, texts)}


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ValueError("must be of the form key=value")
    return key, value


def _json_or_text(text: str) -> Json:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Json:
    raise ValueError(name)


def choice(words: type[StrEnum]) -> Value:
    """Return an option that takes one of a closed set of words."""
    return Value(words, str)


def switch(on: Json = True, off: Json = False) -> Value:
    """Return a `--this/--that` option and what each side says."""
    return Value(bool, lambda value: on if value else off)


TEXT = Value(str)
COUNT = Value(int, minimum=1)
NUMBER = Value(int, minimum=0)
USD = Value(str, decimal, "USD")
INSTANT = Value(str, instant, "TIME")
LIST = Value(list[str], list, "NAME")
PAIRS = Value(list[str], pairs, "KEY=VALUE", keyed=True)
JSON_PAIRS = Value(list[str], json_pairs, "KEY=JSON", keyed=True)

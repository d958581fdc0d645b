"""JSON in and out without rounding: a fraction is a Decimal, never a float."""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

_INDENT = "  "


def loads(text: str | bytes) -> Any:
    """Read JSON. Raises ValueError, RecursionError."""
    return json.loads(text, parse_float=Decimal)


def dumps(value: object, *, indented: bool = True) -> str:
    """Write JSON; what `loads` has read keeps every digit."""
    return "".join(_parts(value, "\n" if indented else None))


def _parts(value: object, line: str | None) -> Iterator[str]:
    """Yield the parts of a value; `line` begins each new line, None keeps all on one."""
    match value:
        case Decimal():
            yield str(value)
        case dict() if value:
            named = ((f"{_text(str(key))}: ", held) for key, held in value.items())
            yield from _enclosed("{}", named, line)
        case list() if value:
            yield from _enclosed("[]", (("", item) for item in value), line)
        case _:
            yield _text(value)


def _enclosed(
    brackets: str, items: Iterable[tuple[str, object]], line: str | None
) -> Iterator[str]:
    deeper = None if line is None else line + _INDENT
    lead, separator = deeper or "", ", " if deeper is None else ","
    before = brackets[0]
    for prefix, value in items:
        yield before + lead + prefix
        yield from _parts(value, deeper)
        before = separator
    yield (line or "") + brackets[1]


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

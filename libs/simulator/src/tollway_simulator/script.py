"""The script grammar: how a request says which behaviour it wants.

A model id carries it after its name, `sim-echo;status=429;retry-after=7`, since an unmodified SDK
can set nothing else; the header `x-sim-script` and a queued script hold the settings alone and
override the model id's, setting by setting. README.md of this package explains each one.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import msgspec

from tollway_simulator.refusal import Refusal

UsageMode = Literal["full", "none", "zero", "every", "choices", "corrected"]


class Script(msgspec.Struct, frozen=True):
    """One request's settings. Durations are seconds but for `delay` (milliseconds).

    Positions count events in a stream and bytes in a body that is not streamed.
    """

    status: int | None = None
    error: str = ""
    retry_after: str = ""
    html: int | None = None
    hang: float = 0.0
    stall: float = 0.0
    stall_at: int = 1
    delay: float = 0.0
    cut: int | None = None
    end: int | None = None
    fail: int | None = None
    garbage: int | None = None
    pad: int = 0
    split: int = 0
    batch: int = 1
    usage: UsageMode = "full"
    tokens: int | None = None
    think: int | None = None
    expose: bool = False
    finish: str = ""
    input: int | None = None
    cached: int | None = None
    written: int | None = None
    written_1h: int | None = None
    searches: int = 0
    cache_min: int = 1024
    tier: str = ""
    geo: str = ""

    @property
    def refuses(self) -> bool:
        """Whether the request gets an error instead of an answer."""
        return self.status is not None or bool(self.error)

    @property
    def bends_delivery(self) -> bool:
        """Whether anything happens to the bytes on their way out."""
        positions = (self.cut, self.end, self.fail, self.garbage)
        steady = not (self.stall or self.delay or self.pad or self.split)
        return not steady or any(position is not None for position in positions)


PLAIN = Script()

_LARGEST = 50_000_000  # tokens and padding are made in memory


def _count(value: str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError(value)
    return number


def _size(value: str) -> int:
    number = _count(value)
    if number > _LARGEST:
        raise ValueError(value)
    return number


def _header(value: str) -> str:
    if not value or not value.isascii() or not value.isprintable():
        raise ValueError(value)
    return value


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise ValueError(value)
    return number


def _status(value: str) -> int:
    number = int(value)
    if not 200 <= number <= 599:
        raise ValueError(value)
    return number


def _duration(value: str) -> float:
    number = float(value)
    if not 0 <= number < 86_400:
        raise ValueError(value)
    return number


def _usage(value: str) -> str:
    if value not in get_args(UsageMode):
        raise ValueError(value)
    return value


def _flag(value: str) -> bool:
    if value not in ("", "1", "true", "0", "false"):
        raise ValueError(value)
    return value in ("", "1", "true")


def _error_page(value: str) -> int:
    return _status(value) if value else 502


def _word(value: str) -> str:
    if not value:
        raise ValueError(value)
    return value


_READERS: dict[str, Callable[[str], Any]] = {
    "status": _status,
    "error": _word,
    "retry-after": _header,
    "html": _error_page,
    "hang": _duration,
    "delay": _duration,
    "cut": _count,
    "end": _count,
    "fail": _count,
    "garbage": _count,
    "pad": _size,
    "split": _positive,
    "batch": _positive,
    "usage": _usage,
    "tokens": _size,
    "think": _size,
    "expose": _flag,
    "finish": _word,
    "input": _count,
    "cached": _count,
    "written": _count,
    "written-1h": _count,
    "searches": _count,
    "cache-min": _count,
    "tier": _word,
    "geo": _word,
}


def model_name(model: str) -> str:
    """A model id without its script."""
    return model.partition(";")[0]


def read_script(model: str, *overrides: str) -> Script:
    """The script in a model id, overridden by further texts; a bad setting is a 400 naming it."""
    texts = [text for text in (model.partition(";")[2], *overrides) if text]
    if not texts:
        return PLAIN
    fields: dict[str, Any] = {}
    for text in texts:
        fields.update(_fields(text))
    return Script(**fields)


def _fields(text: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for setting in filter(None, (part.strip() for part in text.split(";"))):
        name, _, value = setting.partition("=")
        try:
            fields.update(_field(name, value))
        except (KeyError, ValueError):
            message = f"The simulator's script has no setting `{setting}`."
            raise Refusal(400, message=message, param="model") from None
    return fields


def _field(name: str, value: str) -> dict[str, Any]:
    if name == "stall":
        seconds, at, position = value.partition("@")
        return {"stall": _duration(seconds), "stall_at": _count(position) if at else 1}
    return {name.replace("-", "_"): _READERS[name](value)}

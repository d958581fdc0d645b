"""Reading a JSON object field by field: types are checked, errors name the field, and what
nobody asked for can be had afterwards."""

from collections.abc import Mapping
from typing import Any, NoReturn

from tollway_router.canonical.failure import invalid
from tollway_router.canonical.parts import Extras


class Fields:
    """An object at a path of the client's request; null counts as absent."""

    def __init__(self, value: object, at: str, format_name: str) -> None:
        self.at = at
        self._format = format_name
        if not isinstance(value, dict):
            self.wrong("", "an object")
        self._left: dict[str, Any] = dict(value)
        self.all: Mapping[str, Any] = value

    def path(self, name: str) -> str:
        """The full path of a field, as in `messages[2].content`."""
        return f"{self.at}.{name}" if self.at and name else self.at or name

    def wrong(self, name: str, wanted: str) -> NoReturn:
        """Refuse a field for its type."""
        path = self.path(name)
        raise invalid(f"{path}: must be {wanted}", path, "invalid_type")

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.all.get(name) is not None

    def any(self, name: str) -> Any:
        """The value whatever it is; the field counts as read."""
        return self._left.pop(name, None)

    def skip(self, *names: str) -> None:
        """Count fields as read that mean nothing to us."""
        for name in names:
            self._left.pop(name, None)

    def text(self, name: str) -> str | None:
        """A string."""
        value = self.any(name)
        if value is not None and not isinstance(value, str):
            self.wrong(name, "a string")
        return value

    def need_text(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if value is None:
            path = self.path(name)
            raise invalid(f"{path}: the field is required", path, "missing_required_parameter")
        return value

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self.any(name)
        if value is not None and not isinstance(value, bool):
            self.wrong(name, "true or false")
        return value

    def whole(self, name: str) -> int | None:
        """A whole number, also when it is written as 5.0."""
        value = self.any(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
            self.wrong(name, "a whole number")
        return int(value)

    def number(self, name: str) -> float | None:
        """A number."""
        value = self.any(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(name, "a number")
        return value

    def items(self, name: str) -> list[Any]:
        """A list; absent means empty."""
        value = self.any(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(name, "a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        values = self.items(name)
        if not all(isinstance(value, str) for value in values):
            self.wrong(name, "a list of strings")
        return tuple(values)

    def object(self, name: str) -> "Fields | None":
        """A nested object."""
        value = self.any(name)
        return None if value is None else Fields(value, self.path(name), self._format)

    def mapping(self, name: str) -> dict[str, Any] | None:
        """A nested object as plain values."""
        value = self.any(name)
        if value is not None and not isinstance(value, dict):
            self.wrong(name, "an object")
        return value

    def extras(self) -> Extras | None:
        """The fields that nobody read, but for nulls, which say nothing."""
        left = {name: value for name, value in self._left.items() if value is not None}
        return Extras(self._format, left, self.at) if left else None

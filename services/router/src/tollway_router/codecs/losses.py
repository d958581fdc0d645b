"""What a request says that the upstream's format cannot: refused, or dropped and named."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from tollway_router.canonical.failure import unsupported
from tollway_router.canonical.parts import Extras
from tollway_router.codecs.codec import Target


class Losses:
    """Collects what is dropped from one request."""

    def __init__(self, format_name: str, target: Target) -> None:
        self._format = format_name
        self._refuses = target.on_unsupported == "refuse"
        self._dropped: list[str] = []

    @property
    def dropped(self) -> tuple[str, ...]:
        """The dropped fields in the client's words, each once."""
        return tuple(dict.fromkeys(self._dropped))

    def cannot(self, field: str, why: str = "the model's provider has no such field") -> None:
        """A field that matters: refuse it, unless the deployment says to drop."""
        if self._refuses:
            raise unsupported(f"{field}: {why}", field)
        self._dropped.append(field)

    def omit(self, field: str) -> None:
        """A field that does not change what the answer says: leave it out, by name."""
        self._dropped.append(field)

    def own(
        self,
        extras: Extras | None,
        hints: Collection[str] = (),
        harmless: Callable[[str, Any], bool] = lambda _name, _value: False,
    ) -> Mapping[str, Any]:
        """The extra fields if they are of this format; those of another are lost.

        `hints` are left out by name; `harmless` tells of values that are the default anyway.
        """
        if extras is None:
            return {}
        if extras.format == self._format:
            return extras.fields
        for name, value in extras.fields.items():
            path = f"{extras.at}.{name}" if extras.at else name
            if harmless(name, value):
                continue
            if name in hints:
                self.omit(path)
            else:
                self.cannot(path)
        return {}

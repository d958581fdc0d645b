"""What a service's refusal, or its silence, says to a person."""

from dataclasses import dataclass
from typing import Any

from tollway_cli.api.settings import Service
from tollway_cli.errors import CommandError


class Unreachable(CommandError):
    """A service does not answer."""

    def __init__(self, service: Service, url: str, why: str) -> None:
        super().__init__(
            f"The {service} does not answer at {url}: {why}. "
            f"Start the local stack with `make up`, or set {service.variable} to where it is."
        )


class Strange(CommandError):
    """Something answers, and not as the service would."""

    def __init__(self, service: Service, url: str, what: str) -> None:
        super().__init__(
            f"What answers at {url} is not Tollway's {service}: {what}. See {service.variable}."
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """An RFC 9457 problem document, as far as it is shown."""

    status: int
    code: str
    title: str
    detail: str
    errors: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, status: int, document: dict[str, Any]) -> "Problem | None":
        """Return the problem in a JSON object, None where it is none."""
        code, detail = document.get("code"), document.get("detail")
        if not isinstance(code, str) or not isinstance(detail, str):
            return None
        listed = document.get("errors")
        items = [item for item in listed if isinstance(item, dict)] if listed else []
        errors = tuple((str(item.get("field", "")), str(item.get("message", ""))) for item in items)
        return cls(status, code, str(document.get("title") or detail), detail, errors)

    @property
    def text(self) -> str:
        """One line, and one more for each field that is wrong."""
        told_below = all(message in self.detail for _, message in self.errors)
        headline = self.title if self.errors and told_below else self.detail
        lines = [f"{headline} [{self.code}]"]
        return "\n".join([*lines, *(f"  {field}: {message}" for field, message in self.errors)])


class Refused(CommandError):
    """A service answered with a problem. `advice` is what a person can do about it."""

    def __init__(self, problem: Problem, advice: str = "") -> None:
        super().__init__(f"{problem.text}\n  {advice}" if advice else problem.text)
        self.problem = problem

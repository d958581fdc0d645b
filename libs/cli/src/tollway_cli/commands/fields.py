"""An option as data: a flag, what it takes, and which field of a resource it writes."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from tollway_cli.commands.parameters import keyword
from tollway_cli.commands.values import Value

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a resource, at `path` (`outer.inner` for a nested one), and its option.

    `required` fields must be given at creation; `fixed` ones have no option in an update.
    `default` makes what a creation says where nobody said it.
    """

    path: str
    flag: str
    value: Value
    help: str
    required: bool = False
    fixed: bool = False
    default: Callable[[], Any] | None = None

    @property
    def parameter(self) -> str:
        """The name of the command's parameter."""
        return self.path.replace(".", "__")

    def as_parameter(self, *, creation: bool) -> inspect.Parameter:
        """Return the option as a parameter that Typer reads."""
        needed = " Required." if creation and self.required else ""
        option = typer.Option(
            self.flag,
            help=self.help + needed,
            metavar=self.value.metavar,
            min=self.value.minimum,
            show_default=False,
        )
        annotated: Any = Annotated  # its arguments are values here, which type checkers refuse
        return keyword(self.parameter, annotated[self.value.annotation | None, option])

    def written(self, given: Any) -> Any:
        """Return the field's JSON value. Raises BadParameter."""
        try:
            return self.value.to_json(given)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=f"'{self.flag}'") from None


def body_of(fields: Iterable[Field], given: Mapping[str, Any]) -> Object:
    """Return what the given options write. Raises BadParameter."""
    body: Object = {}
    for field in fields:
        value = given.get(field.parameter)
        if value is not None and value not in ([], ()):
            put(body, field.path, field.written(value))
    return body


def put(body: Object, path: str, value: Any) -> None:
    """Put a value at a path; an object that is there already gets what it lacks."""
    outer, _, inner = path.partition(".")
    added = {inner: value} if inner else value
    there = body.get(outer)
    if isinstance(there, dict) and isinstance(added, dict):
        added = {**there, **added}
    body[outer] = added


def in_snake_case(document: Mapping[str, Any], fields: Sequence[Field]) -> Object:
    """Return a document with its fields named as the API writes them, whichever case they had."""
    paths = [field.path.partition(".") for field in fields]
    result: Object = {}
    for key, value in document.items():
        name = _named(key, {outer for outer, _, _ in paths})
        inners = {inner for outer, _, inner in paths if outer == name and inner}
        if inners and isinstance(value, dict):
            result[name] = {_named(inner, inners): held for inner, held in value.items()}
        else:
            result[name] = value
    return result


def _named(key: str, names: Iterable[str]) -> str:
    """Return the field that a key in camelCase stands for, else the key."""
    return next((name for name in names if _squeezed(name) == _squeezed(str(key))), str(key))


def _squeezed(name: str) -> str:
    return name.replace("_", "").lower()

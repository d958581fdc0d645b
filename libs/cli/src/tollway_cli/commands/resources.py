"""list, get, create, update and delete: the same five commands for every kind of resource."""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import typer
from rich.text import Text

from tollway_cli.api.client import Answer
from tollway_cli.commands.fields import Field, Object, body_of, in_snake_case, put
from tollway_cli.commands.kind import Kind
from tollway_cli.commands.parameters import (
    FileOption,
    UnsetOption,
    YesOption,
    keyword,
    name_parameter,
    with_parameters,
)
from tollway_cli.commands.place import Place
from tollway_cli.commands.spec_file import read_spec
from tollway_cli.output import (
    Format,
    fields_of,
    result_console,
    shown,
    write_fields,
    write_object,
    write_objects,
    write_table,
)

REGISTRYS_OWN = frozenset(
    {"id", "workspace", "created_at", "updated_at", "resource", "name", "hint", "key"}
)
"""Fields of a resource that nobody types; a file that `get` wrote may hold them."""


def group_of(kind: Kind, created: Callable[[Answer, Format], None] | None = None) -> typer.Typer:
    """Return the commands of a kind. `created` shows a creation where it needs more than a line."""
    group = typer.Typer(no_args_is_help=True, help=kind.summary)
    add_reads_and_delete(group, kind)
    group.command("create", help=_creation_help(kind))(_create(kind, created))
    group.command("update", help=_update_help(kind))(_update(kind))
    return group


def add_reads_and_delete(group: typer.Typer, kind: Kind) -> None:
    """Add the commands that need nothing but a name."""
    group.command("list", help=f"List {kind.plural}.")(_list(kind))
    group.command("get", help=f"Show one {kind.word} whole.")(_get(kind))
    group.command("delete", help=f"Delete one {kind.word}, after a question.")(_delete(kind))


def done(kind: Kind, name: str, what: str, answer: Answer, form: Format) -> None:
    """Say that a write happened, or show what it made."""
    if form is Format.TABLE:
        result_console().print(Text(f"{kind.word} {name} {what}"))
    else:
        write_object(answer.body, form)


def _list(kind: Kind) -> Callable[..., None]:
    def command(workspace: str | None = None, output: Format = Format.TABLE) -> None:
        place = Place.of(kind, workspace)
        items = list(place.api.items(place.path))
        if output is Format.TABLE:
            columns = [one.column for one in kind.columns]
            rows = [[_at(item, one.path) for one in kind.columns] for item in items]
            write_table(columns, rows, result_console())
        else:
            write_objects(items, output)

    return with_parameters(command, [], in_workspace=kind.in_workspace)


def _get(kind: Kind) -> Callable[..., None]:
    def command(name: str, workspace: str | None = None, output: Format = Format.TABLE) -> None:
        place = Place.of_one(kind, name, workspace)
        found = place.api.get(place.at(name)).body
        if output is Format.TABLE:
            write_fields(fields_of(found), result_console())
        else:
            write_object(found, output)

    return with_parameters(command, [name_parameter()], in_workspace=kind.in_workspace)


def _delete(kind: Kind) -> Callable[..., None]:
    def command(name: str, workspace: str | None = None, *, yes: bool = False) -> None:
        place = Place.of_one(kind, name, workspace)
        if not yes and sys.stdin.isatty():
            typer.confirm(f"Delete {kind.word} {name}?", abort=True, err=True)
        place.api.delete(place.at(name))
        result_console().print(Text(f"{kind.word} {name} deleted"))

    parameters = [name_parameter(), keyword("yes", YesOption, default=False)]
    return with_parameters(command, parameters, in_workspace=kind.in_workspace, writes_result=False)


def _create(kind: Kind, created: Callable[[Answer, Format], None] | None) -> Callable[..., None]:
    def command(
        name: str,
        workspace: str | None = None,
        output: Format = Format.TABLE,
        file: str | None = None,
        **given: Any,
    ) -> None:
        place = Place.of_one(kind, name, workspace)
        document = _from_file(place, name, file)
        document.pop("revision", None)
        body = _typed(kind.fields, given, document)
        for field in kind.fields:
            if field.required and field.path not in body:
                raise typer.BadParameter("it is needed", param_hint=f"'{field.flag}'")
            if field.default is not None and field.path not in body:
                put(body, field.path, field.default())
        answer = place.api.post(place.path, {"name": name, **body})
        if created is not None:
            created(answer, output)
        else:
            done(kind, name, "created", answer, output)

    parameters = [
        name_parameter(),
        keyword("file", FileOption),
        *_options_of(kind.fields, creation=True),
    ]
    return with_parameters(command, parameters, in_workspace=kind.in_workspace)


def _update(kind: Kind) -> Callable[..., None]:
    def command(
        name: str,
        workspace: str | None = None,
        output: Format = Format.TABLE,
        file: str | None = None,
        unset: list[str] | None = None,
        **given: Any,
    ) -> None:
        place = Place.of_one(kind, name, workspace)
        document = _from_file(place, name, file)
        revision = document.pop("revision", None)
        body = _typed(kind.changeable, given, document)
        for path in unset or ():
            put(body, _known(kind, path), None)
        if not body:
            raise typer.BadParameter("nothing to change: give an option, --unset or --file")
        etag = f'"{revision}"' if revision else place.api.get(place.at(name)).etag
        done(kind, name, "updated", place.update(name, body, etag), output)

    options = _options_of(kind.changeable, creation=False)
    parameters = [
        name_parameter(),
        keyword("file", FileOption),
        keyword("unset", UnsetOption),
        *options,
    ]
    return with_parameters(command, parameters, in_workspace=kind.in_workspace)


def _options_of(fields: Iterable[Field], *, creation: bool) -> list[inspect.Parameter]:
    return [field.as_parameter(creation=creation) for field in fields]


def _from_file(place: Place, name: str, file: str | None) -> Object:
    """Return a file's specification, and the revision that it was read at if it says one."""
    if file is None:
        return {}
    document = in_snake_case(read_spec(file, exact=place.kind.exact), place.kind.fields)
    if document.get("name", name) != name:
        raise typer.BadParameter("the file is about another name", param_hint="'--file'")
    return {key: value for key, value in document.items() if key not in REGISTRYS_OWN}


def _typed(fields: Iterable[Field], given: Mapping[str, Any], body: Object) -> Object:
    """Return a body with what the options say put over it."""
    for path, value in body_of(fields, given).items():
        put(body, path, value)
    return body


def _known(kind: Kind, path: str) -> str:
    outer, _, inner = path.partition(".")
    paths = {field.path for field in kind.changeable}
    maps = {field.path for field in kind.changeable if field.value.keyed}
    if path in paths or (inner and outer in maps):
        return path
    raise typer.BadParameter(f"one of {', '.join(sorted(paths))}", param_hint="'--unset'")


def _at(item: Object, path: str) -> str:
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return shown(value)


def _creation_help(kind: Kind) -> str:
    return f"Create one {kind.word}. {kind.note}".strip()


def _update_help(kind: Kind) -> str:
    maps = ", ".join(field.flag for field in kind.changeable if field.value.keyed)
    more = f" {maps}: adds to what is there." if maps else ""
    return f"Change one {kind.word}: what is not named stays.{more}"

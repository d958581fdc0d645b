"""Objects and tables on standard output: for a person at a terminal, or for another program.

A terminal gets a table in colour; everything else gets aligned plain text. JSON and YAML are the
API's objects as they came.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import yaml
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tollway_cli import exact_json
from tollway_cli.terminal import out, printable

Object = dict[str, Any]

ABSENT = "-"
_GAP = "  "


class Format(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title, and whether it holds numbers, which are aligned to the right."""

    title: str
    number: bool = False


Row = Sequence[str | Text]


def write(text: str) -> None:
    """Write text as it stands."""
    sys.stdout.write(text)


def write_json(value: object) -> None:
    """Write a JSON document."""
    write(exact_json.dumps(value) + "\n")


def write_yaml(value: object) -> None:
    """Write a YAML document."""
    write(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000))


def write_table(columns: Sequence[Column], rows: Sequence[Row], console: Console) -> None:
    """Write a table: with its header, each number ending where the others end."""
    cleaned = [[_cell(cell) for cell in row] for row in rows]
    if console.is_terminal:
        _rich(columns, cleaned, console)
    else:
        _plain(columns, cleaned, console)


def write_fields(fields: Sequence[tuple[str, str | Text]], console: Console) -> None:
    """Write one thing: a line for each of its fields."""
    width = max((cell_len(name) for name, _ in fields), default=0)
    for name, value in fields:
        label = Text(name + " " * (width - cell_len(name)), style="bold")
        console.print(label + _GAP + _cell(value))


def write_object(value: Object, form: Format) -> None:
    """Write one object of the API in a format that is not a table."""
    if form is Format.JSON:
        write_json(value)
    elif form is Format.YAML:
        write_yaml(value)
    else:
        write(f"{value['name']}\n")


def write_objects(values: Sequence[Object], form: Format) -> None:
    """Write a list of the API's objects in a format that is not a table."""
    if form is Format.JSON:
        write_json(values)
    elif form is Format.YAML:
        write_yaml(list(values))
    else:
        write("".join(f"{value['name']}\n" for value in values))


def fields_of(value: Object) -> list[tuple[str, str]]:
    """Return an object's fields, one inside another as `outer.inner`."""
    fields: list[tuple[str, str]] = []
    for name, held in value.items():
        if isinstance(held, dict) and held:
            fields += [(f"{name}.{inner}", shown(of)) for inner, of in held.items()]
        else:
            fields.append((name, shown(held)))
    return fields


def shown(value: object) -> str:
    """Return a JSON value as a person reads it; text, amounts included, as it came."""
    match value:
        case None | "" | [] | {}:
            return ABSENT
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case list() if all(isinstance(item, str) for item in value):
            return ", ".join(value)
        case _:
            return exact_json.dumps(value, indented=False)


def result_console() -> Console:
    """Return the console that tables go to."""
    return out()


class _Dumper(yaml.SafeDumper):
    """YAML whose fractions keep every digit."""


def _number(dumper: _Dumper, value: Decimal) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:float", str(value))


_Dumper.add_representer(Decimal, _number)


def _cell(value: str | Text) -> Text:
    if isinstance(value, Text):
        return value
    return Text(printable(value))


def _rich(columns: Sequence[Column], rows: Sequence[Sequence[Text]], console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            Text(column.title),
            justify="right" if column.number else "left",
            overflow="fold",
            no_wrap=column.number,
        )
    for row in rows:
        table.add_row(*row)
    console.print(table, soft_wrap=False)


def _plain(columns: Sequence[Column], rows: Sequence[Sequence[Text]], console: Console) -> None:
    header = [Text(column.title) for column in columns]
    lines = [header, *rows]
    widths = [max(cell_len(line[i].plain) for line in lines) for i in range(len(columns))]
    for line in lines:
        cells = (
            _padded(cell.plain, width, column)
            for cell, width, column in zip(line, widths, columns, strict=True)
        )
        console.print(Text(_GAP.join(cells).rstrip()))


def _padded(text: str, width: int, column: Column) -> str:
    space = " " * (width - cell_len(text))
    return space + text if column.number else text + space

"""Reads a specification from a YAML or JSON file, or from standard input.

Numbers with a fraction arrive as Decimal and times as text, so that nothing is rounded on the way.
"""

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from tollway_cli import exact_json
from tollway_cli.errors import CommandError

STDIN = "-"

Object = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML whose times stay text and whose fractions stay exact."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _exact(loader: _Loader, node: yaml.ScalarNode) -> Decimal | float:
    try:
        number = Decimal(node.value.replace("_", ""))
    except InvalidOperation:  # .inf, or a number of base 60
        return loader.construct_yaml_float(node)
    return number


_Loader.add_constructor("tag:yaml.org,2002:float", _exact)


def read_spec(path: str, *, exact: bool) -> Object:
    """Return the one object in a file, `-` for standard input. Raises CommandError.

    With `exact` its fractions are amounts and become text; else they are JSON numbers.
    """
    where = "Standard input" if path == STDIN else path
    try:
        text = sys.stdin.read() if path == STDIN else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{where} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{where} is no text in UTF-8.") from error
    document = _parsed(text, where)
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise CommandError(f"{where} must hold one object with the fields of a specification.")
    try:
        return {key: _plain(value, exact=exact) for key, value in document.items()}
    except RecursionError as error:
        raise CommandError(f"{where} refers to itself.") from error


def _parsed(text: str, where: str) -> Any:
    try:
        return exact_json.loads(text)
    except (ValueError, RecursionError):
        pass  # then it is YAML
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise CommandError(f"{where} is neither YAML nor JSON: {error.problem}{line}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CommandError(f"{where} is neither YAML nor JSON.") from error


def _plain(value: Any, *, exact: bool) -> Any:
    match value:
        case Decimal():
            return format(value, "f") if exact else float(value)
        case dict():
            return {key: _plain(held, exact=exact) for key, held in value.items()}
        case list():
            return [_plain(held, exact=exact) for held in value]
        case _:
            return value

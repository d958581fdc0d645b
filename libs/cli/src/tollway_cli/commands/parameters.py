"""Parameters that many commands share, and commands whose parameters are made from data."""

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from tollway_cli.output import Format

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its name.", show_default=False)]
WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        "-w",
        envvar="TOLLWAY_WORKSPACE",
        help="The workspace; the local stack's without it.",
        show_default=False,
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", "-o", help="How the result is written.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
FileOption = Annotated[
    str | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="A YAML or JSON file of the specification, - for standard input; options go first.",
        show_default=False,
    ),
]
UnsetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--unset",
        metavar="FIELD",
        help="Take a field back to what it is at first, such as tags.team; repeatable.",
        show_default=False,
    ),
]


def keyword(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    """Return a keyword parameter."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def name_parameter() -> inspect.Parameter:
    """Return the argument that names a resource."""
    return keyword("name", NameArgument, inspect.Parameter.empty)


def with_parameters(
    command: Callable[..., None],
    parameters: Iterable[inspect.Parameter],
    *,
    in_workspace: bool = True,
    writes_result: bool = True,
) -> Callable[..., None]:
    """Give a command the parameters that Typer shall read, and those that all commands have."""
    shared = []
    if in_workspace:
        shared.append(keyword("workspace", WorkspaceOption))
    if writes_result:
        shared.append(keyword("output", FormatOption, Format.TABLE))
    signature = inspect.Signature([*parameters, *shared])
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command

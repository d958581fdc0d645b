"""Wires the command line: every command and every group of commands, in the order of `--help`."""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from tollway_cli.commands.ask import ask
from tollway_cli.commands.doctor import doctor
from tollway_cli.commands.down import down
from tollway_cli.commands.groups import resource_groups, service_groups
from tollway_cli.commands.logs import logs
from tollway_cli.commands.status import status
from tollway_cli.commands.up import up
from tollway_cli.errors import CommandError
from tollway_cli.terminal import show_error, tolerate_what_cannot_be_shown

COMMANDS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("up", up),
    ("down", down),
    ("status", status),
    ("logs", logs),
    ("doctor", doctor),
    ("ask", ask),
)
"""Commands that stand alone: a function each."""

GROUPS: tuple[tuple[str, typer.Typer], ...] = (*resource_groups(), *service_groups())
"""Commands with commands of their own, such as one for each kind of resource."""


class _TellingGroup(TyperGroup):
    """Shows what went wrong in any command as one line, and ends with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        tolerate_what_cannot_be_shown()
        try:
            return super().invoke(ctx)
        except CommandError as error:
            show_error(str(error))
            raise typer.Exit(1) from error


def create_app() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        name="tollway",
        cls=_TellingGroup,
        help="A self-hosted gateway for your own AI models, whose bill is right.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name, command in COMMANDS:
        app.command(name)(command)
    for name, group in GROUPS:
        app.add_typer(group, name=name)
    return app

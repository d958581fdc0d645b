"""Shows what went wrong in a command as one line, and ends with exit code 1."""

import functools
import io
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer
from rich.text import Text

from tollway_cli.errors import CommandError
from tollway_cli.output import printable
from tollway_cli.terminal import err

P = ParamSpec("P")


def told(command: Callable[P, None]) -> Callable[P, None]:
    """Return a command whose CommandError is shown as `error: ...` on standard error."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        _tolerate_what_a_terminal_cannot_show()
        try:
            command(*args, **kwargs)
        except CommandError as error:
            text = Text("error: ", style="bold red") + Text(printable(str(error), keep="\n"))
            err().print(text)
            raise typer.Exit(1) from error

    return run


def _tolerate_what_a_terminal_cannot_show() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

"""`tollway logs`: what the processes have written."""

import time
from collections.abc import Sequence
from typing import Annotated

import typer

from tollway_cli.commands.options import DEFAULT_HOME, HomeOption
from tollway_cli.errors import CommandError
from tollway_cli.stack.home import Home
from tollway_cli.stack.members import NAMES
from tollway_cli.stack.process import last_lines, log_file
from tollway_cli.terminal import out

_POLL_SECONDS = 0.3


def logs(
    process: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join(NAMES)}; all without it.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as more is written.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many from the end.")] = 50,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show the last lines of one process's log, or of every process's."""
    if process is not None and process not in NAMES:
        raise CommandError(f"There is no process '{process}'. There are: {', '.join(NAMES)}.")
    place = Home.at(home)
    names = [process] if process else [name for name in NAMES if log_file(place, name).exists()]
    if not any(log_file(place, name).exists() for name in names):
        raise CommandError(f"There are no logs yet in {place.logs}. Start the stack: make up")
    sizes = {name: _size(place, name) for name in names}
    for name in names:
        _show(name, last_lines(place, name, lines), labelled=process is None)
    if follow:
        _follow(place, names, sizes, labelled=process is None)


def _follow(home: Home, names: Sequence[str], sizes: dict[str, int], *, labelled: bool) -> None:
    while True:
        for name in names:
            size = _size(home, name)
            if size < sizes[name]:
                sizes[name] = 0  # the log was begun anew
            if size > sizes[name]:
                _show(name, _between(home, name, sizes[name], size), labelled=labelled)
                sizes[name] = size
        time.sleep(_POLL_SECONDS)


def _between(home: Home, name: str, start: int, end: int) -> list[str]:
    with log_file(home, name).open("rb") as file:
        file.seek(start)
        return file.read(end - start).decode("utf-8", errors="replace").splitlines()


def _size(home: Home, name: str) -> int:
    log = log_file(home, name)
    return log.stat().st_size if log.exists() else 0


def _show(name: str, lines: Sequence[str], *, labelled: bool) -> None:
    console = out()
    for line in lines:
        console.print(f"{name:<10}{line}" if labelled else line, markup=False)

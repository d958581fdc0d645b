"""`tollway status`: what runs, where, and whether it is ready."""

import time

import typer
from rich.table import Table
from rich.text import Text

from tollway_cli.commands.options import DEFAULT_HOME, HomeOption
from tollway_cli.stack import Stack, Status
from tollway_cli.terminal import out


def status(home: HomeOption = DEFAULT_HOME) -> None:
    """Show where each process is, and whether it is ready. Exit code 1 if one is not."""
    found = Stack(home).status()
    table = Table(box=None, pad_edge=False)
    for column in ("process", "address", "pid", "up for", "state"):
        table.add_column(column, no_wrap=True)
    for one in found:
        table.add_row(one.name, one.address, str(one.pid or "-"), _uptime(one), _state(one))
    out().print(table)
    if any(one.why_not is not None for one in found):
        raise typer.Exit(1)


def _state(one: Status) -> Text:
    if one.why_not is None:
        return Text("ready", style="green")
    return Text(one.why_not, style="red")


def _uptime(one: Status) -> str:
    if one.started is None:
        return "-"
    seconds = max(int(time.time() - one.started), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"

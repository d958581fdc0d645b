"""How the command line writes: in colour to a terminal, as plain lines to everything else."""

import sys

from rich.console import Console
from rich.text import Text


def out() -> Console:
    """Return the console for results, which a pipe may read: long lines are never wrapped."""
    return Console(file=sys.stdout, soft_wrap=True, highlight=False)


def err() -> Console:
    """Return the console for progress and errors."""
    return Console(file=sys.stderr, soft_wrap=True, highlight=False)


def show_error(message: str) -> None:
    """Show an error's own words; nothing in them is markup."""
    err().print(Text.assemble(("tollway: ", "bold red"), message))

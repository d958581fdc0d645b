"""How the command line writes: in colour to a terminal, as plain lines to everything else."""

import io
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
    """Show an error's own words; nothing in them is markup, or steers a terminal."""
    err().print(Text.assemble(("error: ", "bold red"), printable(message, keep="\n")))


def tolerate_what_cannot_be_shown() -> None:
    """Write characters that the terminal's encoding lacks as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def printable(text: str, keep: str = "") -> str:
    """Return text without what would steer a terminal."""
    return "".join(c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in text)

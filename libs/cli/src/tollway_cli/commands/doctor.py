"""`tollway doctor`: look at everything a local stack needs, and say what to do."""

import typer
from rich.text import Text

from tollway_cli.commands.options import DEFAULT_HOME, HomeOption
from tollway_cli.stack import Stack
from tollway_cli.stack.examination import Verdict, examine
from tollway_cli.terminal import out

_MARKS = {
    Verdict.GOOD: ("ok    ", "green"),
    Verdict.DOUBTFUL: ("look  ", "yellow"),
    Verdict.BAD: ("wrong ", "bold red"),
}


def doctor(home: HomeOption = DEFAULT_HOME) -> None:
    """Examine the machine and the stack. Exit code 1 when something is wrong."""
    findings = examine(Stack(home))
    console = out()
    for finding in findings:
        text = f"{finding.subject}: {finding.text}"
        console.print(Text.assemble(_MARKS[finding.verdict], text))
        if finding.advice:
            console.print(f"        {finding.advice}", markup=False)
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise typer.Exit(1)

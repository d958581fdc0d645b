"""`tollway down`: stop what `up` started; its state stays."""

from tollway_cli.commands.options import DEFAULT_HOME, HomeOption
from tollway_cli.commands.progress import shown_progress
from tollway_cli.stack import Stack
from tollway_cli.terminal import err, out


def down(home: HomeOption = DEFAULT_HOME) -> None:
    """Stop everything that `up` started; state and settings stay."""
    with shown_progress(err()) as observer:
        stack = Stack(home, observer=observer)
        stopped = stack.down()
    where = stack.home.root
    text = f"Stopped. State stays in {where}." if stopped else f"Nothing ran in {where}."
    out().print(text, markup=False)

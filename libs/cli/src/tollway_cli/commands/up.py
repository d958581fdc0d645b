"""`tollway up`: start the local stack, seed the demo workspace, say how to use it."""

from typing import Annotated

import typer

from tollway_cli.commands.options import DEFAULT_HOME, HomeOption, PortBaseOption
from tollway_cli.commands.progress import shown_progress
from tollway_cli.commands.welcome import welcome
from tollway_cli.stack import Stack
from tollway_cli.stack.home import Home
from tollway_cli.stack.ports import DEFAULT_BASE
from tollway_cli.terminal import err, out


def up(
    home: HomeOption = DEFAULT_HOME,
    port_base: PortBaseOption = None,
    seed: Annotated[bool, typer.Option("--seed/--no-seed", help="Make the demo workspace.")] = True,
) -> None:
    """Start everything that does not run yet and seed the demo workspace."""
    remembered = Home.at(home).recall()
    base = port_base or (remembered.port_base if remembered else DEFAULT_BASE)
    try:
        with shown_progress(err()) as observer:
            stack = Stack(home, base, observer=observer)
            started = stack.up(seed=seed)
    except KeyboardInterrupt:
        err().print("Interrupted. What did start keeps running: `up` goes on, `down` stops it.")
        raise
    out().print(welcome(stack, started), markup=False)

"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_HOME = Path(".tollway")

HomeOption = Annotated[
    Path,
    typer.Option("--home", envvar="TOLLWAY_HOME", help="The folder that keeps the stack's state."),
]
PortBaseOption = Annotated[
    int | None,
    typer.Option(
        "--port-base",
        envvar="TOLLWAY_PORT_BASE",
        help="The router's port; all others keep their distance to it. Remembered; 8000 at first.",
    ),
]

"""Finds the servers that Python packages bring along, and this machine thus needs no others."""

from importlib.util import find_spec
from pathlib import Path

from tollway_cli.stack.errors import ProcessError


def bundled_program(package: str, distribution: str, *path: str) -> str:
    """Return the program at `path` inside an installed package.

    The package is found without an import: one of them warns and makes folders when imported.
    """
    spec = find_spec(package)
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).parent.joinpath(*path)
        if program.exists():
            return str(program)
    raise ProcessError(
        f"{path[-1]} is missing: the package {distribution} is not installed, or has no program "
        "for this system. Make the environment anew: make clean install"
    )

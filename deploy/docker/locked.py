"""Prints the part of a requirements lock that some packages need, hashes included.

    python locked.py requirements.lock tollway-router tollway-secrets

The lock says in its `# via` comments who asked for what; whatever is reached from the named
packages is kept, line by line. Packages of this workspace are not in the lock themselves and
count only as askers, so each one that is installed has to be named. Needs nothing but Python.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==")
_ASKER = re.compile(r"^ +# +(?:via +)?([A-Za-z0-9][A-Za-z0-9._-]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of the lock: its lines, and the names of those who asked for it."""

    name: str
    text: str
    askers: frozenset[str]


def pins(lock: str) -> dict[str, Pin]:
    """Return a lock's packages by name. Raises ValueError for a line that pins nothing."""
    blocks = re.split(r"\n(?=\S)", lock.strip())
    return {pin.name: pin for pin in map(_pin, blocks)}


def needed(locked: Mapping[str, Pin], names: Iterable[str]) -> list[Pin]:
    """Return the pins of `names` and of all that they need, directly or not, in the lock's order.

    Raises ValueError for a name that the lock neither pins nor mentions.
    """
    reached = set(names)
    unknown = reached - set(locked) - {asker for pin in locked.values() for asker in pin.askers}
    if unknown:
        msg = f"the lock does not know {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    while found := set(_asked_for(locked, reached)) - reached:
        reached |= found
    return [pin for pin in locked.values() if pin.name in reached]


def _asked_for(locked: Mapping[str, Pin], askers: set[str]) -> Iterator[str]:
    return (pin.name for pin in locked.values() if pin.askers & askers)


def _pin(block: str) -> Pin:
    match = _PIN.match(block)
    if match is None:
        msg = f"not a pinned requirement: {block.splitlines()[0]}"
        raise ValueError(msg)
    return Pin(match[1], block, frozenset(_ASKER.findall(block)) - {"via"})


def main(lock: str, *names: str) -> None:
    """Write the pins to standard output."""
    chosen = needed(pins(Path(lock).read_text(encoding="utf-8")), names)
    sys.stdout.write("".join(f"{pin.text}\n" for pin in chosen))


if __name__ == "__main__":
    main(*sys.argv[1:])

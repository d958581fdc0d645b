"""What a stack tells whoever watches it work; the library itself prints nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where a step of `up` or `down` stands."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of work: `step` names a process or a task.

    `detail` says what happens to it, what has become of it, or why it failed; an abandoned one
    was not waited for, because another failed.
    """

    step: str
    phase: Phase
    detail: str = ""


Observer = Callable[[Progress], None]
"""Called from several threads at once: one per process that starts."""


def unobserved(_: Progress) -> None:
    """Watch nothing."""

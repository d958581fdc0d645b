"""Shows a stack's steps: a spinner for each on a terminal, a line for each elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as ProgressBar
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from tollway_cli.stack import Observer, Phase, Progress

_WORDS = {Phase.FAILED: "failed", Phase.ABANDONED: "not waited for"}


@contextmanager
def shown_progress(console: Console) -> Iterator[Observer]:
    """Yield an observer that shows steps on `console` while the block runs."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"))
    with ProgressBar(*columns, TimeElapsedColumn(), console=console) as bars:
        yield _Spinners(bars)


class _Lines:
    """A line when a step ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            if progress.phase is Phase.STARTED:
                self._started[progress.step] = time.monotonic()
                return
            seconds = time.monotonic() - self._started.pop(progress.step)
            outcome = progress.detail if progress.phase is Phase.DONE else _WORDS[progress.phase]
            self._console.print(f"{progress.step}: {outcome}, {seconds:.1f} s")


class _Spinners:
    """A spinner that turns while a step runs."""

    def __init__(self, bars: ProgressBar) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            if progress.phase is Phase.STARTED:
                text = f"{progress.step} [dim]{progress.detail}"
                self._tasks[progress.step] = self._bars.add_task(text, total=1)
                return
            task = self._tasks.pop(progress.step)
            if progress.phase is Phase.DONE:
                self._bars.update(task, description=progress.step, completed=1)
                return
            self._bars.remove_task(task)
            self._bars.console.print(f"[red]✗[/] {progress.step} {_WORDS[progress.phase]}")

"""Processes that outlive the command which started them, found again by pid and start time.

A record in the state folder's `run/` names each. A pid alone says nothing after a reboot: a process
is ours only when it also started at the recorded moment. Nothing else is ever signalled.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tollway_cli.stack.errors import AbandonedError, ProcessError
from tollway_cli.stack.home import Home, write_private

# psutil derives start times from the clock, which may be set by a second while a process runs.
_START_TOLERANCE_SECONDS = 2.0
_POLL_SECONDS = 0.03
_KILL_SECONDS = 5.0
_LOG_LIMIT_BYTES = 20_000_000
_TAIL_LINES = 15
_MARK = "TOLLWAY_PROCESS"  # names the record of the process that carries it


@dataclass(frozen=True, slots=True)
class Launch:
    """How a process is started. `environment` is all that it gets."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was started: `started` is its start in epoch seconds.

    `log_start` is where in its log file this run of it begins, in bytes.
    """

    name: str
    pid: int
    started: float
    log_start: int

    @property
    def alive(self) -> bool:
        """Whether it still runs, under the same identity."""
        return _find(self) is not None


def log_file(home: Home, name: str) -> Path:
    """Return where a process writes what it has to say."""
    return home.logs / f"{name}.log"


def _record_file(home: Home, name: str) -> Path:
    return home.run / f"{name}.json"


def recorded(home: Home, name: str) -> Process | None:
    """Return the process that was last started under a name, dead or alive."""
    try:
        return Process(**json.loads(_record_file(home, name).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def running(home: Home, name: str) -> Process | None:
    """Return the process of that name if it runs."""
    process = recorded(home, name)
    return process if process is not None and process.alive else None


def start(home: Home, launch: Launch) -> Process:
    """Start a process in a session of its own, its output going to its log file."""
    log = log_file(home, launch.name)
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        log_start = os.fstat(descriptor).st_size
        pid = _spawn(launch, descriptor, mark=str(_record_file(home, launch.name)))
    finally:
        os.close(descriptor)
    return _record(home, Process(launch.name, pid, psutil.Process(pid).create_time(), log_start))


def _record(home: Home, process: Process) -> Process:
    write_private(_record_file(home, process.name), json.dumps(asdict(process)) + "\n")
    return process


def adopt(home: Home, names: Iterable[str]) -> None:
    """Record again what runs and lost its record: `up` was killed before it could write it.

    The mark in its environment says that we started it; children inherit that, so the eldest is it.
    """
    marks = {str(_record_file(home, name)): name for name in names if not running(home, name)}
    found: dict[str, psutil.Process] = {}
    for other in psutil.process_iter():
        try:
            name = marks.get(other.environ().get(_MARK, ""))
            if name and (name not in found or other.create_time() < found[name].create_time()):
                found[name] = other
        except (psutil.Error, OSError):
            continue  # gone meanwhile, or somebody else's
    for name, other in found.items():
        _record(home, Process(name, other.pid, other.create_time(), log_start=0))


def _spawn(launch: Launch, log: int, mark: str) -> int:
    """Spawn without a Popen object, whose end would complain about a process that goes on."""
    try:
        return os.posix_spawn(
            launch.arguments[0],
            list(launch.arguments),
            {**launch.environment, _MARK: mark},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE),
        )
    except OSError as error:
        raise ProcessError(
            f"{launch.name} cannot be started: {launch.arguments[0]}: {error.strerror}."
        ) from error


def _find(process: Process) -> psutil.Process | None:
    try:
        found = psutil.Process(process.pid)
        if abs(found.create_time() - process.started) >= _START_TOLERANCE_SECONDS:
            return None
        if found.status() != psutil.STATUS_ZOMBIE or found.num_threads() > 1:
            return found  # until its last thread has ended, a killed process keeps its ports
        if found.ppid() == os.getpid():
            os.waitpid(process.pid, os.WNOHANG)
    except (psutil.Error, ChildProcessError):
        pass
    return None


def wait_ready(
    home: Home,
    process: Process,
    why_not: Callable[[], str | None],
    limit_seconds: float,
    abandoned: Callable[[], bool] = lambda: False,
) -> None:
    """Wait until `why_not` answers None; raise ProcessError when it dies or takes too long."""
    deadline = time.monotonic() + limit_seconds
    while (reason := why_not()) is not None:
        if not process.alive:
            raise ProcessError(_death_notice(home, process))
        if abandoned():
            raise AbandonedError(f"{process.name} is not ready yet: {reason}")
        if time.monotonic() > deadline:
            raise ProcessError(
                f"{process.name} runs but is not ready after {limit_seconds:.0f} s: {reason}. "
                f"Its log is {log_file(home, process.name)}{_quoted(home, process)}"
            )
        time.sleep(_POLL_SECONDS)


def _death_notice(home: Home, process: Process) -> str:
    return (
        f"{process.name} died while it started. Its log is {log_file(home, process.name)}"
        f"{_quoted(home, process)}"
    )


def _quoted(home: Home, process: Process) -> str:
    lines = last_lines(home, process.name, _TAIL_LINES, start=process.log_start)
    return ", and ends with:\n" + "\n".join(f"  {line}" for line in lines) if lines else "."


def last_lines(home: Home, name: str, count: int, start: int = 0) -> list[str]:
    """Return the last lines of a process's log that were written after byte `start`."""
    log = log_file(home, name)
    if count <= 0 or not log.exists():
        return []
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - count * 4096, 0))
        return file.read().decode("utf-8", errors="replace").splitlines()[-count:]


def stop(home: Home, name: str, limit_seconds: float, signal_number: int = signal.SIGTERM) -> bool:
    """Ask a process to end, insist with SIGKILL after the limit; return whether it ran at all."""
    process = running(home, name)
    if process is not None:
        _signal(process, signal_number)
        if not wait_gone(process, limit_seconds):
            _signal(process, signal.SIGKILL)
            if not wait_gone(process, _KILL_SECONDS):
                raise ProcessError(
                    f"{name} (pid {process.pid}) does not end, not even by SIGKILL. "
                    "The system holds it; look at `ps` for its state."
                )
    _record_file(home, name).unlink(missing_ok=True)
    return process is not None


def kill(home: Home, name: str) -> None:
    """Kill a process without warning, as a crash would; its record stays."""
    process = running(home, name)
    if process is not None:
        _signal(process, signal.SIGKILL)
        wait_gone(process, _KILL_SECONDS)


def _signal(process: Process, number: int) -> None:
    """Signal a process after making sure, once more, that it is the one that was started."""
    found = _find(process)
    if found is None:
        return
    try:
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)  # it leads a session of its own: children die with it
        else:
            found.send_signal(number)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return
    except (PermissionError, psutil.AccessDenied) as error:
        raise ProcessError(
            f"{process.name} (pid {process.pid}) belongs to another user. Run as that user."
        ) from error


def wait_gone(process: Process, limit_seconds: float) -> bool:
    """Wait until a process has ended; return whether it has."""
    deadline = time.monotonic() + limit_seconds
    while process.alive:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True

"""The state folder of a local stack: its places, its modes, its lock and its memory.

Everything that a stack knows between two runs lies here. Nobody but its owner may look inside:
folders have mode 700, files with secrets 600, and every file is written whole or not at all.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tollway_cli.stack.errors import HomeError, StackBusyError

FORMAT = 1
"""Raised when a newer Tollway could not continue with an older one's folder."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What `stack.json` remembers. `complete` turns true once an `up` has gone all the way."""

    port_base: int
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """The places in a state folder. `root` is absolute."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> "Home":
        """Return the home at `path`, which need not exist yet."""
        return cls(path.expanduser().absolute())

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """One record for each process that was started and not stopped."""
        return self.root / "run"

    @property
    def keys(self) -> Path:
        """Private keys and passwords that only the stack itself reads."""
        return self.root / "keys"

    @property
    def tokens(self) -> Path:
        """Tokens that are handed to services, each in a file of its own."""
        return self.root / "tokens"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data folder."""
        return self.root / "postgres"

    @property
    def openbao(self) -> Path:
        """OpenBao's configuration and raft data."""
        return self.root / "openbao"

    @property
    def router(self) -> Path:
        """The router's spool of usage events and its last route table."""
        return self.root / "router"

    @property
    def jwks(self) -> Path:
        """The public keys that verify local tokens."""
        return self.root / "jwks.json"

    @property
    def env(self) -> Path:
        """The file to `source`."""
        return self.root / "env"

    @property
    def memory_file(self) -> Path:
        """What marks a folder as a stack's home; see `Memory`."""
        return self.root / "stack.json"

    def prepare(self) -> None:
        """Make the folders, or raise HomeError when this is not a place for them."""
        self._refuse_foreign_folder()
        try:
            for folder in (self.root, *self._folders()):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
        except OSError as error:
            raise HomeError(
                f"The state folder {self.root} cannot be made or written ({error.strerror}). "
                "Name another with TOLLWAY_HOME, or run as the user who owns it."
            ) from error

    def _refuse_foreign_folder(self) -> None:
        """A folder with somebody else's files must not get our modes, nor be told to be deleted."""
        try:
            foreign = self.root.exists() and not self.memory_file.exists() and any(self._others())
        except OSError as error:
            raise HomeError(
                f"The state folder {self.root} cannot be read ({error.strerror}). "
                "Name another with TOLLWAY_HOME, or run as the user who owns it."
            ) from error
        if foreign:
            raise HomeError(
                f"{self.root} holds files but no stack of Tollway's ({self.memory_file.name} is "
                "missing). Name an empty or new folder with TOLLWAY_HOME."
            )

    def _others(self) -> Iterator[Path]:
        """Yield what a first `up`, cut short at its beginning, cannot have left behind."""
        own = {*self._folders(), self.root / "lock"}
        begun = f".{self.memory_file.name}."
        return (
            entry
            for entry in self.root.iterdir()
            if entry not in own and not entry.name.startswith(begun)
        )

    def _folders(self) -> tuple[Path, ...]:
        return (self.logs, self.run, self.keys, self.tokens, self.openbao, self.router)

    def recall(self) -> Memory | None:
        """Return what the folder remembers, or None when no stack was ever started here."""
        try:
            stored = json.loads(self.memory_file.read_text())
            if stored["format"] != FORMAT:
                raise HomeError(
                    f"{self.root} was written by another version of Tollway (format "
                    f"{stored['format']}, this one knows {FORMAT}). Use that version, or stop the "
                    f"stack and delete the folder: rm -rf {self.root}"
                )
            return Memory(port_base=int(stored["port_base"]), complete=bool(stored["complete"]))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HomeError(f"{self.memory_file} cannot be read ({error.strerror}).") from error
        except (ValueError, KeyError, TypeError) as error:
            raise HomeError(
                f"{self.memory_file} is damaged. Delete the folder to start anew: "
                f"rm -rf {self.root}"
            ) from error

    def remember(self, memory: Memory) -> None:
        """Store what the next run must know."""
        stored = {
            "format": FORMAT,
            "port_base": memory.port_base,
            "complete": memory.complete,
        }
        write_private(self.memory_file, json.dumps(stored) + "\n")

    def complete(self) -> None:
        """Remember that an `up` went all the way."""
        memory = self.recall()
        if memory is not None and not memory.complete:
            self.remember(replace(memory, complete=True))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one `up` or `down`; a process that dies lets go by itself."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeError(
                f"The state folder {self.root} cannot be made or written ({error.strerror}). "
                "Name another with TOLLWAY_HOME, or run as the user who owns it."
            ) from error
        try:
            _lock(descriptor, self.root)
            yield
        finally:
            os.close(descriptor)


def _lock(descriptor: int, root: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StackBusyError(
            f"Another `tollway up` or `tollway down` works on {root} right now. "
            "Wait until it has finished."
        ) from error


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 600, whole or not at all, even when the machine stops midway."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

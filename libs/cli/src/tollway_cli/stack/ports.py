"""The ports of a local stack: one base, fixed distances from it, all on loopback."""

import random
import socket
import time
from dataclasses import dataclass

import psutil

from tollway_cli.stack.errors import PortTakenError

DEFAULT_BASE = 8000
HOST = "127.0.0.1"

OFFSETS = {
    "router": 0,
    "registry": 1,
    "secrets": 2,
    "metering": 3,
    "openbao": 20,
    "openbao-cluster": 21,
    "postgres": 32,
    "console": 80,
    "simulator": 90,
    "kafka": 92,
}

# Below the range from which Linux, macOS and Windows take ports for outgoing connections.
_FREE_BASES = range(10_000, 32_000, 100)
_FREE_ATTEMPTS = 200
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the stack whose router listens on `base`."""

    base: int

    def __post_init__(self) -> None:
        if not 1024 <= self.base <= 65_535 - max(OFFSETS.values()):
            raise PortTakenError(
                f"{self.base} cannot be a port base: it must lie between 1024 and "
                f"{65_535 - max(OFFSETS.values())}."
            )

    def of(self, name: str) -> int:
        """Return the port of a process by its name in OFFSETS."""
        return self.base + OFFSETS[name]

    def require_free(self, name: str, patience_seconds: float = 0.0) -> None:
        """Raise PortTakenError when something still listens where `name` should."""
        port = self.of(name)
        deadline = time.monotonic() + patience_seconds
        while not is_free(port):
            if time.monotonic() >= deadline:
                raise PortTakenError(_taken(self.base, name, port))
            time.sleep(_POLL_SECONDS)


def _taken(base: int, name: str, port: int) -> str:
    user = user_of(port)
    by = f"used by {user}" if user else "in use"
    return (
        f"Port {port}, which {name} needs, is already {by}. Stop that, or move the whole stack to "
        f"other ports: TOLLWAY_PORT_BASE={_suggestion(base)} make up"
    )


def _suggestion(base: int) -> int:
    return 9000 if base != 9000 else 10_000


def is_free(port: int) -> bool:
    """Return whether a server could listen on this loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        caller.settimeout(0.5)
        return caller.connect_ex((HOST, port)) != 0  # macOS lets two servers bind


def user_of(port: int) -> str | None:
    """Return who listens on a port as `name (pid N)`, where the system lets us see it."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,)
            if listens and connection.pid is not None:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return None
    return None


def free_base() -> int:
    """Return a base whose ports are all free, chosen at random so that two stacks rarely meet."""
    chooser = random.SystemRandom()
    for _ in range(_FREE_ATTEMPTS):
        base = chooser.choice(_FREE_BASES)
        if all(is_free(base + offset) for offset in OFFSETS.values()):
            return base
    raise PortTakenError(
        f"No free block of ports was found between {_FREE_BASES.start} and {_FREE_BASES.stop}."
    )

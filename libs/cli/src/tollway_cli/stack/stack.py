"""A local stack: everything that `tollway up` starts, as a library that prints nothing.

`Stack(home).up()` starts what does not run yet; `down()` stops it all. State stays in `home`.
"""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tollway_cli.stack import envfile, openbao, ports, process
from tollway_cli.stack.errors import PortTakenError, StackError
from tollway_cli.stack.home import Home, Memory
from tollway_cli.stack.members import INFRASTRUCTURE, NAMES, SERVICE_NAMES, Members, Overrides
from tollway_cli.stack.progress import Observer, unobserved
from tollway_cli.stack.seed import SEED_NEEDS, seed_demo
from tollway_cli.stack.sequence import Conductor
from tollway_cli.stack.services import Site


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of a stack answer: URLs, and what Kafka and PostgreSQL clients take."""

    router: str
    registry: str
    secrets: str
    metering: str
    simulator: str
    openbao: str
    kafka: str
    postgres: str


@dataclass(frozen=True, slots=True)
class Started:
    """What an `up` did. `api_key` is None where the demo workspace was never seeded."""

    started: tuple[str, ...]
    found_running: tuple[str, ...]
    api_key: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Status:
    """How one process is. `started` is in epoch seconds; `why_not` is None for a ready one."""

    name: str
    address: str
    pid: int | None
    started: float | None
    why_not: str | None


class Stack:
    """The stack in one state folder. As a context manager it is taken down at the end."""

    def __init__(
        self,
        home: Path,
        port_base: int | None = None,
        *,
        observer: Observer = unobserved,
        overrides: Overrides | None = None,
    ) -> None:
        """Without `port_base` the stack takes the remembered one, else a free block of ports."""
        self.home = Home.at(home)
        self._wanted_base = port_base
        self._observer = observer
        self._overrides = overrides or {}

    def __enter__(self) -> "Stack":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.down()

    @property
    def site(self) -> Site:
        """The places, ports and makers of tokens of a stack that was started at least once."""
        memory = self.home.recall()
        if memory is None:
            raise StackError(f"No stack was ever started in {self.home.root}. Start one: make up")
        return Site(self.home, ports.Ports(memory.port_base))

    @property
    def addresses(self) -> Addresses:
        """Where everything answers."""
        site = self.site
        return Addresses(
            **{name: site.url(name) for name in (*SERVICE_NAMES, openbao.NAME)},
            kafka=site.kafka.bootstrap_servers,
            postgres=site.postgres.address,
        )

    @property
    def env(self) -> dict[str, str]:
        """What `.tollway/env` says; nothing before the first `up`."""
        return envfile.read(self.home)

    def up(self, services: Sequence[str] = SERVICE_NAMES, *, seed: bool = True) -> Started:
        """Start the infrastructure and `services`, whatever of it does not run yet.

        `seed` makes the demo workspace too, for which metering alone is not needed. Raises
        StackError; what did start by then keeps running, and the next `up` goes on from there.
        """
        begin = time.monotonic()
        _check_names(services)
        if seed and (lacking := SEED_NEEDS - set(services)):
            raise StackError(f"The demo workspace needs {', '.join(sorted(lacking))} as well.")
        if self._wanted_base is not None:
            ports.Ports(
                self._wanted_base
            )  # raises for a base that cannot be, before anything is made
        self.home.prepare()
        with self.home.locked():
            process.adopt(self.home, NAMES)
            members = self._settle()
            wanted = (*INFRASTRUCTURE, *services)
            running = tuple(name for name in wanted if process.running(self.home, name))
            missing = tuple(name for name in wanted if name not in running)
            members.require_free_ports(missing)
            members.site.trust.provide()
            conductor = Conductor(members, self._observer)
            conductor.start(missing, running)
            envfile.write(members.site)
            if seed:
                site = members.site
                conductor.watch("demo workspace", "seeding", "seeded", lambda: seed_demo(site))
            self.home.complete()
        return Started(missing, running, envfile.api_key(self.home), time.monotonic() - begin)

    def up_infrastructure(self) -> Started:
        """Start PostgreSQL, OpenBao and Kafka alone."""
        return self.up((), seed=False)

    def down(self) -> tuple[str, ...]:
        """Stop everything that was started here; return the names of what ran."""
        if self.home.recall() is None:
            return ()
        with self.home.locked():
            process.adopt(self.home, NAMES)
            return Conductor(self._members(), self._observer).stop()

    def kill(self, name: str) -> None:
        """Kill one process as a crash would; the next `up` starts it again."""
        _check_names([name])
        process.kill(self.home, name)

    def status(self) -> list[Status]:
        """Return how each process is."""
        members, addresses = self._members(), self.addresses

        def one(name: str) -> Status:
            address = str(getattr(addresses, name))
            found = process.running(self.home, name)
            if found is None:
                why_not = "it died" if process.recorded(self.home, name) else "it does not run"
                return Status(name, address, None, None, why_not)
            return Status(name, address, found.pid, found.started, members.why_not_ready(name))

        with ThreadPoolExecutor(len(NAMES)) as pool:
            return list(pool.map(one, NAMES))

    def _members(self) -> Members:
        return Members(self.site, self._overrides)

    def _settle(self) -> Members:
        """Decide on the ports and remember them."""
        memory = self.home.recall()
        remembered = memory.port_base if memory else None
        base = self._wanted_base or remembered or ports.free_base()
        alive = [name for name in NAMES if process.running(self.home, name)]
        if alive and base != remembered:
            raise PortTakenError(
                f"This stack already runs ({', '.join(alive)}) with the port base {remembered}. "
                "Stop it before you move it: make down"
            )
        site = Site(self.home, ports.Ports(base))
        self.home.remember(Memory(base, complete=memory.complete if memory else False))
        return Members(site, self._overrides)


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if name not in NAMES:
            raise StackError(f"There is no process '{name}'. There are: {', '.join(NAMES)}.")

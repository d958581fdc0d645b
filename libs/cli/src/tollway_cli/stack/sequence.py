"""In which order a stack's processes start and stop, as much at once as their needs allow.

Start: infrastructure and simulator at once; each database is migrated as soon as PostgreSQL
answers; services follow when all infrastructure is up. Stop: the router first, which ships its last
usage events; then metering takes them in; the broker, which forgets everything, goes with the last.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait

from tollway_cli.stack import postgres, process
from tollway_cli.stack.errors import AbandonedError, StackError
from tollway_cli.stack.members import INFRASTRUCTURE, NAMES, SERVICE_NAMES, Members
from tollway_cli.stack.progress import Observer, Phase, Progress
from tollway_cli.stack.services import SERVICES, USAGE_GROUP
from tollway_contracts.topics import USAGE

_CONSUME_SECONDS = 10.0
_MIGRATING = tuple(service.name for service in SERVICES if service.migrates)
_NEEDS_NOTHING = (*INFRASTRUCTURE, "simulator")


class Conductor:
    """Starts and stops the members of a stack in order, and says so to the observer."""

    def __init__(self, members: Members, observer: Observer) -> None:
        self._members = members
        self._observer = observer
        self._failures: list[StackError] = []

    def start(self, missing: Sequence[str], running: Sequence[str]) -> None:
        """Start what is missing and wait until that and what ran before is ready.

        Raises the first StackError; what did start by then keeps running.
        """
        with ThreadPoolExecutor(len(NAMES) + len(_MIGRATING)) as pool:
            work = self._submitted(pool, missing, running)
            try:
                wait(work)
            except KeyboardInterrupt:
                self._members.abandon.set()  # leaving the pool waits for its threads
                raise
        if self._failures:
            raise self._failures[0]
        _await_all(work)

    def _submitted(
        self, pool: Executor, missing: Sequence[str], running: Sequence[str]
    ) -> list[Future[None]]:
        first = {
            name: pool.submit(self._start, name, ())
            for name in (*missing, *running)
            if name in INFRASTRUCTURE or (name in _NEEDS_NOTHING and name in missing)
        }
        base = [first[name] for name in INFRASTRUCTURE]
        migrated = {
            name: pool.submit(self._migrate, name, [first[postgres.NAME]])
            for name in missing
            if name in _MIGRATING
        }
        rest = [
            pool.submit(self._start, name, [*base, *_those(migrated, name)])
            for name in missing
            if name not in first
        ]
        back = [
            pool.submit(self._await_return, name, base) for name in running if name not in first
        ]
        return [*first.values(), *migrated.values(), *rest, *back]

    def stop(self) -> tuple[str, ...]:
        """Stop everything; return the names of what ran."""
        stopped = self._stop_at_once(["router"])
        if stopped and process.running(self._members.site.home, "metering"):
            self.watch("metering", "taking in the last usage", "took in the usage", self._drain)
        stopped += self._stop_at_once([name for name in SERVICE_NAMES if name != "router"])
        stopped += self._stop_at_once(INFRASTRUCTURE)
        return tuple(stopped)

    def watch(self, step: str, doing: str, done: str, work: Callable[[], object]) -> None:
        """Do a piece of work and tell the observer how it goes."""
        self._observer(Progress(step, Phase.STARTED, doing))
        try:
            work()
        except AbandonedError as error:
            self._observer(Progress(step, Phase.ABANDONED, str(error)))
            raise
        except StackError as error:
            self._failures.append(error)
            self._members.abandon.set()  # the others need not be waited for
            self._observer(Progress(step, Phase.FAILED, str(error)))
            raise
        self._observer(Progress(step, Phase.DONE, done))

    def _start(self, name: str, needs: Sequence[Future[None]]) -> None:
        _await_all(needs)
        self.watch(name, "starting", "ready", lambda: self._members.start(name))

    def _migrate(self, name: str, needs: Sequence[Future[None]]) -> None:
        _await_all(needs)
        self.watch(f"{name} database", "migrating", "migrated", lambda: self._members.migrate(name))

    def _await_return(self, name: str, needs: Sequence[Future[None]]) -> None:
        """Wait for a service that outlived its database: it needs a moment to find it again."""
        _await_all(needs)
        self.watch(name, "returning", "ready", lambda: self._members.wait_ready(name))

    def _stop_at_once(self, names: Sequence[str]) -> list[str]:
        with ThreadPoolExecutor(len(names)) as pool:
            ran = list(pool.map(self._stop, names))
        return [name for name, did in zip(names, ran, strict=True) if did]

    def _stop(self, name: str) -> bool:
        if process.running(self._members.site.home, name) is None:
            return self._members.stop(name)  # forgets one that died
        self.watch(name, "stopping", "stopped", lambda: self._members.stop(name))
        return True

    def _drain(self) -> None:
        """Wait until metering has acknowledged all usage, or for as long as is sensible."""
        deadline = time.monotonic() + _CONSUME_SECONDS
        kafka = self._members.site.kafka
        while kafka.lag(USAGE_GROUP, USAGE.name) and time.monotonic() < deadline:
            time.sleep(0.2)


def _those(futures: dict[str, Future[None]], name: str) -> list[Future[None]]:
    return [futures[name]] if name in futures else []


def _await_all(futures: Iterable[Future[None]]) -> None:
    """Wait for the futures in their order; raise what the first failed one raised."""
    for future in futures:
        future.result()

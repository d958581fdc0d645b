"""Examines a machine and the stack on it, finding by finding, each with what to do about it."""

import shutil
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import jwt

from tollway_cli.stack import envfile, ports
from tollway_cli.stack.errors import StackError
from tollway_cli.stack.members import INFRASTRUCTURE
from tollway_cli.stack.services import USAGE_GROUP
from tollway_cli.stack.stack import Stack, Status
from tollway_contracts.topics import USAGE

_OLDEST_PYTHON = (3, 11)
_NEEDED_BYTES = 500_000_000
_COMFORTABLE_BYTES = 2_000_000_000
_LAG_LIMIT = 10_000
_WARN_BEFORE_SECONDS = 14 * 24 * 60 * 60


class Verdict(StrEnum):
    """What a finding means."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do, where something is to be done."""

    subject: str
    verdict: Verdict
    text: str
    advice: str = ""


def examine(stack: Stack) -> list[Finding]:
    """Look at everything; never raises for what it finds."""
    return list(_examine(stack))


def _examine(stack: Stack) -> Iterator[Finding]:
    yield _python()
    yield _disk(stack.home.root)
    try:
        memory = stack.home.recall()
    except StackError as error:
        yield Finding("state", Verdict.BAD, str(error))
        return
    if memory is None:
        yield from _before_first_up(stack.home.root)
        return
    yield _state(stack, complete=memory.complete)
    yield _modes(stack.home.root)
    yield _tokens(stack)
    statuses = stack.status()
    for status in statuses:
        yield _process(status)
    if {status.name for status in statuses if status.why_not is None} >= {"kafka", "metering"}:
        yield _lag(stack)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return Finding("python", Verdict.GOOD, version)
    return Finding("python", Verdict.BAD, f"{version} is too old", "Install Python 3.11 or newer.")


def _disk(root: Path) -> Finding:
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 1e9:.1f} GB free under {existing}"
    if free >= _COMFORTABLE_BYTES:
        return Finding("disk", Verdict.GOOD, text)
    verdict = Verdict.DOUBTFUL if free >= _NEEDED_BYTES else Verdict.BAD
    return Finding("disk", verdict, text, "Free some, or move the state folder: TOLLWAY_HOME.")


def _before_first_up(root: Path) -> Iterator[Finding]:
    yield Finding("state", Verdict.GOOD, f"no stack in {root} yet", "Start one: make up")
    base = ports.Ports(ports.DEFAULT_BASE)
    taken = [name for name in ports.OFFSETS if not ports.is_free(base.of(name))]
    if not taken:
        yield Finding("ports", Verdict.GOOD, f"all free, from {base.base} on")
        return
    users = {name: ports.user_of(base.of(name)) or "something" for name in taken}
    text = ", ".join(f"{base.of(name)} ({name}) by {user}" for name, user in users.items())
    advice = "Stop that, or take other ports: TOLLWAY_PORT_BASE=9000 make up"
    yield Finding("ports", Verdict.DOUBTFUL, f"taken: {text}", advice)


def _state(stack: Stack, *, complete: bool) -> Finding:
    root = stack.home.root
    if not complete:
        text = f"no `up` has gone all the way in {root} yet"
        return Finding("state", Verdict.DOUBTFUL, text, "`make up` goes on from there.")
    if envfile.api_key(stack.home) is None:
        text = f"{stack.home.env} has no API key"
        return Finding("state", Verdict.DOUBTFUL, text, "`make up` makes a new one.")
    return Finding("state", Verdict.GOOD, str(root))


def _modes(root: Path) -> Finding:
    """Check that nobody else may look in; what lies in a closed folder is closed."""
    private = (root, *(path for path in root.iterdir() if not path.is_symlink()))
    opened = [str(path) for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if not opened:
        return Finding("modes", Verdict.GOOD, "only the owner may look into the state folder")
    text = f"others may look into {', '.join(opened)}"
    return Finding("modes", Verdict.BAD, text, f"chmod -R go= {root}")


def _tokens(stack: Stack) -> Finding:
    """Check the local tokens' own claims; the services check the signatures."""
    soonest = None
    for file in (stack.site.trust.admin_token_file, stack.site.trust.router_token_file):
        try:
            token = file.read_text().strip()
            expiry = int(jwt.decode(token, options={"verify_signature": False})["exp"])
        except (OSError, jwt.PyJWTError, KeyError, ValueError):
            text = f"{file} is missing or damaged"
            return Finding("tokens", Verdict.BAD, text, "`make up` makes new ones.")
        soonest = expiry if soonest is None else min(soonest, expiry)
    left = (soonest or 0) - time.time()
    if left > _WARN_BEFORE_SECONDS:
        return Finding("tokens", Verdict.GOOD, f"hold for {left / 86_400:.0f} more days")
    verdict = Verdict.DOUBTFUL if left > 0 else Verdict.BAD
    text = f"expire in {left / 86_400:.0f} days" if left > 0 else "have expired"
    return Finding("tokens", verdict, text, "`make up` makes new ones.")


def _process(status: Status) -> Finding:
    if status.why_not is None:
        return Finding(status.name, Verdict.GOOD, f"ready at {status.address}")
    if status.pid is not None:
        advice = f"See what it says: tollway logs {status.name}"
        return Finding(status.name, Verdict.BAD, f"runs but is not ready: {status.why_not}", advice)
    port = int(status.address.rsplit(":", 1)[1])
    if not ports.is_free(port):
        text = f"{status.why_not}, and port {port} is used by {ports.user_of(port) or 'another'}"
        advice = "Stop that, or move the stack: make down; TOLLWAY_PORT_BASE=9000 make up"
        return Finding(status.name, Verdict.BAD, text, advice)
    advice = "Start it: make up" + (
        "" if status.name in INFRASTRUCTURE else f"; its last words: tollway logs {status.name}"
    )
    return Finding(status.name, Verdict.BAD, status.why_not, advice)


def _lag(stack: Stack) -> Finding:
    lag = stack.site.kafka.lag(USAGE_GROUP, USAGE.name)
    if lag is None:
        text = f"the broker at {stack.addresses.kafka} does not say how far metering is"
        return Finding("usage", Verdict.DOUBTFUL, text, "See: tollway logs kafka")
    if lag > _LAG_LIMIT:
        text = f"metering has {lag:,} usage events still to take in"
        return Finding("usage", Verdict.DOUBTFUL, text, "If that grows: tollway logs metering")
    return Finding("usage", Verdict.GOOD, f"{lag:,} usage events wait for metering")

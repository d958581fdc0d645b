"""The last state of each key of the compacted topics, in memory and on disk."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import structlog
from pydantic import ValidationError

from tollway_contracts.events import ApiKeyChanged, CredentialChanged, ResourceChanged
from tollway_contracts.resources import RegistryResource
from tollway_contracts.topics import API_KEYS, CREDENTIALS, MODELS
from tollway_router.routing.table import RouteTable, build_table

log = structlog.get_logger(__name__)

State = RegistryResource | ApiKeyChanged | CredentialChanged
Records = Mapping[tuple[str, str], bytes]
"""A record's body by (topic, key)."""


@dataclass(slots=True)
class TopicState:
    """Bodies as they came, and what they say. A record that cannot be read changes nothing.

    `read` is how far the topics' logs were read for it: the sum of all partitions' offsets.
    """

    read: int = 0
    _bodies: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _states: dict[tuple[str, str], State] = field(default_factory=dict)

    def apply(self, topic: str, key: str, body: bytes | None) -> CredentialChanged | None:
        """Take one record in; return the credential's change where it is one."""
        if body is None:
            self._bodies.pop((topic, key), None)
            gone = self._states.pop((topic, key), None)
            return gone if isinstance(gone, CredentialChanged) else None
        state = _decode(topic, key, body)
        if state is None or self._is_older(topic, key, state):
            return None
        self._bodies[topic, key] = body
        self._states[topic, key] = state
        return state if isinstance(state, CredentialChanged) else None

    def merge(self, other: "TopicState") -> None:
        """Take in all of another state's records, keep what it lacks, and go on from its place."""
        for (topic, key), body in other.records().items():
            self.apply(topic, key, body)
        self.read = other.read

    def table(self) -> RouteTable:
        """Build the route table of the present state."""
        states = self._states.values()
        keys = [state for state in states if isinstance(state, ApiKeyChanged)]
        others = (ApiKeyChanged, CredentialChanged)
        return build_table([state for state in states if not isinstance(state, others)], keys)

    def records(self) -> Records:
        """Return a copy of all bodies, to be stored."""
        return MappingProxyType(dict(self._bodies))

    def _is_older(self, topic: str, key: str, state: State) -> bool:
        present = self._states.get((topic, key))
        return present is not None and _revision(state) < _revision(present)


def save(records: Records, read: int, path: Path) -> None:
    """Write a state to disk, whole or not at all, readable by this user only."""
    rows = [[topic, key, base64.b64encode(body).decode()] for (topic, key), body in records.items()]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"read": read, "records": rows}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def load(path: Path) -> TopicState:
    """Read what `save` wrote. No file, or a broken one, is an empty state."""
    state = TopicState()
    try:
        stored = json.loads(path.read_bytes())
        for topic, key, body in stored["records"]:
            state.apply(topic, key, base64.b64decode(body))
        state.read = stored["read"]
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning(
            "stored route table not read, starting without", path=str(path), error=str(error)
        )
        return TopicState()
    return state


def _decode(topic: str, key: str, body: bytes) -> State | None:
    try:
        if topic == MODELS.name:
            return ResourceChanged.from_newer(body).root
        if topic == API_KEYS.name:
            return ApiKeyChanged.from_newer(body)
        if topic == CREDENTIALS.name:
            return CredentialChanged.from_newer(body)
    except ValidationError as error:
        log.error(
            "record not understood, left out", topic=topic, key=key, errors=error.error_count()
        )
    return None


def _revision(state: State) -> int:
    return state.version if isinstance(state, CredentialChanged) else state.revision

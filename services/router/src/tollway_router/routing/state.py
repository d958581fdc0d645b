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
Place = tuple[str, str]
"""A record's topic and key."""
Records = Mapping[Place, bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record's body as it came, and what it says."""

    body: bytes
    state: State


@dataclass(slots=True)
class TopicState:
    """The last entry of each place. A record that cannot be read changes nothing.

    `read` is how far the topics' logs were read for it: the sum of all partitions' offsets.
    """

    read: int = 0
    _entries: dict[Place, Entry] = field(default_factory=dict)

    def apply(self, topic: str, key: str, body: bytes | None) -> CredentialChanged | None:
        """Take one record in; return the credential's change where it is news of one.

        A credential that is gone is told with the version after its last: what was fetched of it
        before is older than that.
        """
        if body is None:
            gone = self._entries.pop((topic, key), None)
            state = None if gone is None else gone.state
            return _ended(state) if isinstance(state, CredentialChanged) else None
        state = _decode(topic, key, body)
        if state is None:
            return None
        is_news = self._take((topic, key), Entry(body, state))
        return state if is_news and isinstance(state, CredentialChanged) else None

    def merge(self, other: "TopicState") -> None:
        """Take in all of another state's records, keep what it lacks, and go on from its place."""
        for place, entry in other.entries().items():
            self._take(place, entry)
        self.read = other.read

    def newer_credentials(self, known: "TopicState") -> list[CredentialChanged]:
        """Return the credentials that `known` does not have, or has in an older version."""
        before = known.credentials()
        return [
            present
            for key, present in self.credentials().items()
            if key not in before or present.version > before[key].version
        ]

    def ended_credentials(self, known: "TopicState") -> list[CredentialChanged]:
        """Return those that `known` has and this state has no longer, as `apply` tells them."""
        present = self.credentials()
        return [_ended(last) for key, last in known.credentials().items() if key not in present]

    def credentials(self) -> dict[str, CredentialChanged]:
        """Return the last change of each credential by its record's key."""
        return {
            key: entry.state
            for (_, key), entry in self._entries.items()
            if isinstance(entry.state, CredentialChanged)
        }

    def table(self) -> RouteTable:
        """Build the route table of the present state."""
        states = [entry.state for entry in self._entries.values()]
        keys = [state for state in states if isinstance(state, ApiKeyChanged)]
        others = (ApiKeyChanged, CredentialChanged)
        return build_table([state for state in states if not isinstance(state, others)], keys)

    def entries(self) -> Mapping[Place, Entry]:
        """Return a view of all there is."""
        return MappingProxyType(self._entries)

    def records(self) -> Records:
        """Return a copy of all bodies, to be stored."""
        bodies = {place: entry.body for place, entry in self._entries.items()}
        return MappingProxyType(bodies)

    def _take(self, place: Place, entry: Entry) -> bool:
        """Keep an entry unless it is older than what is there; return whether it is newer."""
        present = self._entries.get(place)
        known = 0 if present is None else _revision(present.state)
        revision = _revision(entry.state)
        if revision >= known:
            self._entries[place] = entry
        return revision > known


def save(records: Records, read: int, path: Path) -> None:
    """Write a state to disk, whole or not at all, readable by this user only."""
    rows = [[topic, key, base64.b64encode(body).decode()] for (topic, key), body in records.items()]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    # In one call: writing to the file piece by piece is many times slower.
    text = json.dumps({"read": read, "records": rows})
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
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


def _ended(credential: CredentialChanged) -> CredentialChanged:
    return credential.model_copy(update={"version": credential.version + 1})

"""An answer as it grows: the events between a format's stream reader and another's writer.

Order: `Started` once; for each part `PartStarted`, its deltas, `PartEnded` (parts of one choice
may overlap: formats number parallel tool calls); `Finished` per choice; `UsageSeen` anywhere,
each replacing the last; `Completed` once, or `StreamFailed`.
"""

from dataclasses import dataclass

from tollway_router.canonical.failure import Failure
from tollway_router.canonical.parts import Citation, Part
from tollway_router.canonical.response import StopReason
from tollway_router.canonical.usage import UsageReport


@dataclass(frozen=True, slots=True)
class Started:
    """The answer begins."""

    id: str
    model: str
    created: int | None = None
    service_tier: str | None = None


@dataclass(frozen=True, slots=True)
class PartStarted:
    """A part begins as `part` says; an opaque or redacted part is whole at once."""

    choice: int
    index: int
    part: Part


@dataclass(frozen=True, slots=True)
class TextGrew:
    """More text, reasoning or refusal, whichever the part is."""

    text: str


@dataclass(frozen=True, slots=True)
class ArgumentsGrew:
    """More of a tool call's JSON."""

    json: str


@dataclass(frozen=True, slots=True)
class Signed:
    """The signature of a reasoning part."""

    signature: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A source of a text part."""

    citation: Citation


Delta = TextGrew | ArgumentsGrew | Signed | Cited


@dataclass(frozen=True, slots=True)
class PartDelta:
    """A part grows."""

    choice: int
    index: int
    delta: Delta


@dataclass(frozen=True, slots=True)
class PartEnded:
    """A part is whole."""

    choice: int
    index: int


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """Usage up to here; each report replaces the one before."""

    usage: UsageReport


@dataclass(frozen=True, slots=True)
class Finished:
    """A choice is whole."""

    choice: int
    stop: StopReason
    stop_sequence: str | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """The upstream said all it had to say."""

    service_tier: str | None = None


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """The upstream broke off; nothing follows."""

    failure: Failure


StreamEvent = (
    Started | PartStarted | PartDelta | PartEnded | UsageSeen | Finished | Completed | StreamFailed
)

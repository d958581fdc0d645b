"""A whole answer."""

from dataclasses import dataclass
from enum import StrEnum

from tollway_router.canonical.parts import Part
from tollway_router.canonical.usage import UsageReport


class StopReason(StrEnum):
    """Why the model stopped."""

    END = "end"
    LENGTH = "length"
    STOP_SEQUENCE = "stop_sequence"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    PAUSE = "pause"
    CONTEXT_FULL = "context_full"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers; most requests ask for one."""

    index: int
    parts: tuple[Part, ...]
    stop: StopReason | None = None
    stop_sequence: str | None = None


@dataclass(frozen=True, slots=True)
class ChatResponse:
    """An answer; `created` in seconds since 1970, `service_tier` as it was served."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    created: int | None = None
    usage: UsageReport | None = None
    service_tier: str | None = None


def settled(
    stop: StopReason | None, *, has_calls: bool = False, has_refusal: bool = False
) -> StopReason:
    """Why the model stopped, where the word alone does not tell.

    Several vendors end with a plain stop after tool calls (as OpenAI does when a tool is forced)
    or after a refusal; clients of other formats act on the reason.
    """
    if stop not in (None, StopReason.END):
        return stop
    if has_calls:
        return StopReason.TOOL_CALLS
    return StopReason.REFUSAL if has_refusal else StopReason.END

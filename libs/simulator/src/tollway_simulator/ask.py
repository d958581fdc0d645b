"""What a request asks for, in no wire's words: what every wire reads out of its own format."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from tollway_simulator.tokens import tokens_in

CacheRule = Literal["marked", "automatic", "none"]

MEDIA_SIZE = 1024  # an image, a document or a sound counts as 256 tokens, whatever its size


class Segment(msgspec.Struct, frozen=True):
    """A stretch of the prompt. `size` is what it counts; `mark` ends a cached prefix there."""

    data: str
    size: int
    mark: Literal["", "5m", "1h"] = ""


def text_segment(text: str, mark: Literal["", "5m", "1h"] = "") -> Segment:
    """A segment that counts its own bytes."""
    size = len(text) if text.isascii() else len(text.encode(errors="replace"))
    return Segment(text, size, mark)


def size_in_tokens(segments: Iterable[Segment]) -> int:
    """What a prompt counts, all its segments taken as one text."""
    return tokens_in(sum(segment.size for segment in segments))


class Tool(msgspec.Struct, frozen=True):
    """A tool on offer; `schema` is None for one that takes free text."""

    name: str
    description: str
    schema: dict[str, Any] | None


class Ask(msgspec.Struct, frozen=True):
    """A request that a wire has understood.

    `model` is as sent, script included. `prompt` is the text of the last message, from the user or
    from a tool; `from_tool` tells which. `tool_choice` is `none`, `auto`, `required` or
    `tool:<name>`. `think` counts the reasoning tokens that the request makes sensible.
    """

    model: str
    stream: bool
    segments: list[Segment]
    prompt: str
    from_tool: bool
    cache_rule: CacheRule
    tools: list[Tool] = []
    tool_choice: str = "auto"
    parallel_tools: bool = True
    schema: dict[str, Any] | None = None
    any_json: bool = False
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    think: int = 0
    hide_thoughts: bool = False
    choices: int = 1
    include_usage: bool = False
    tier: str = ""

"""Messages as turns: user and assistant in alternation, tool results first, no empty turn."""

from collections.abc import Iterable, Sequence
from typing import Any

from tollway_router.canonical.parts import Part, Text
from tollway_router.canonical.request import Message
from tollway_router.codecs.anthropic_messages.block_writer import BlockWriter
from tollway_router.codecs.codec import Quirks
from tollway_router.codecs.losses import Losses


class TurnWriter:
    """Writes the turns of one request; `messages` comes before `system`, which it may add to."""

    def __init__(self, quirks: Quirks, losses: Losses) -> None:
        self._blocks = BlockWriter(losses)
        self._quirks = quirks
        self._losses = losses
        self._hoisted: list[Part] = []

    def messages(self, messages: Iterable[Message]) -> list[dict[str, Any]]:
        """The turns; neighbours of one role become one."""
        turns: list[dict[str, Any]] = []
        for message in messages:
            own = self._losses.own(message.extras)
            if message.role == "system" and not self._quirks.system_in_messages:
                # Most models take system text at the top only: there it keeps its authority.
                self._hoisted += message.parts
                continue
            blocks = self._written(message.parts)
            if not blocks:
                continue
            if turns and turns[-1]["role"] == message.role and not own:
                turns[-1]["content"] += blocks
            else:
                turns.append({"role": message.role, "content": blocks, **own})
        for turn in turns:
            turn["content"] = _results_first(turn["content"])
        return turns

    def system(self, parts: Sequence[Text]) -> list[dict[str, Any]]:
        """The system prompt, then what the turns had of it."""
        return self._written([*parts, *self._hoisted])

    def _written(self, parts: Sequence[Part]) -> list[dict[str, Any]]:
        return [block for part in parts if (block := self._blocks.write(part)) is not None]


def _results_first(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The provider wants a tool's result right after its call; the sort is stable."""
    return sorted(blocks, key=lambda block: block["type"] != "tool_result")

"""A streamed Message, event by event.

Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming. As on the real wire, the
first `ping` follows the first `content_block_start`.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from tollway_simulator.answer import Call
from tollway_simulator.course import Frame
from tollway_simulator.tokens import count, pieces
from tollway_simulator.usage import Usage
from tollway_simulator.wires.anthropic_rules import sign
from tollway_simulator.wires.anthropic_usage import cumulative, stop_reason, usage_of
from tollway_simulator.wires.wire import Turn

_encode = msgspec.json.encode

_PING = b'event: ping\ndata: {"type": "ping"}\n\n'
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def events(turn: Turn) -> Iterator[Frame]:
    """`message_start`, the blocks one after the other, `message_delta`, `message_stop`."""
    writer = _Writer(turn)
    yield _event("message_start", {"message": writer.opening()}), 0
    yield from writer.blocks()
    if writer.index == 0:
        yield _PING, 0
    sent = turn.answer.output_tokens
    yield _event("message_delta", writer.closing()), sent
    yield _STOP, sent


class _Writer:
    """Counts the blocks and the tokens that are out."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.index = 0
        self._sent = 0

    def opening(self) -> dict[str, Any]:
        """The message as it stands at its start; its one output token is a placeholder."""
        message: dict[str, Any] = {
            "model": self._turn.model,
            "id": self._turn.stamp.response_id,
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
        }
        if self._turn.script.usage != "none":
            message["usage"] = usage_of(self._turn, self._first_usage())
        return message

    def closing(self) -> dict[str, Any]:
        """The last word on why it stopped and what it cost."""
        delta = {
            "stop_reason": stop_reason(self._turn),
            "stop_sequence": self._turn.answer.stop_sequence,
            "stop_details": None,
        }
        if self._turn.script.usage == "none":
            return {"delta": delta}
        return {"delta": delta, "usage": cumulative(self._turn.answer.usage)}

    def blocks(self) -> Iterator[Frame]:
        """All content blocks."""
        answer = self._turn.answer
        if answer.reasoning:
            yield from self._thinking(answer.reasoning)
        if answer.text:
            block = {"type": "text", "text": ""}
            yield from self._block(block, "text_delta", "text", answer.text)
        for call in answer.calls:
            yield from self._tool_use(call)

    def _first_usage(self) -> Usage:
        usage = self._turn.answer.usage
        if self._turn.script.usage == "corrected":  # the last event tells another input
            return Usage(input_uncached=1, output=1)
        return usage.with_output(min(1, usage.output))

    def _thinking(self, reasoning: str) -> Iterator[Frame]:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        hidden = self._turn.ask.hide_thoughts
        shown = "" if hidden else reasoning
        signature = self._delta({"type": "signature_delta", "signature": sign(shown)})
        yield from self._block(
            block, "thinking_delta", "thinking", shown, last=signature, cost=count(reasoning)
        )

    def _tool_use(self, call: Call) -> Iterator[Frame]:
        block = {
            "type": "tool_use",
            "id": self._turn.stamp.ids.mint("toolu_01", 22),
            "name": call.name,
            "input": {},
            "caller": {"type": "direct"},
        }
        empty = self._delta({"type": "input_json_delta", "partial_json": ""})
        yield from self._block(
            block,
            "input_json_delta",
            "partial_json",
            call.arguments,
            first=empty,
            cost=call.tokens,
            head=count(call.name),
        )

    def _block(
        self,
        block: dict[str, Any],
        kind: str,
        field: str,
        text: str,
        *,
        first: bytes = b"",
        last: bytes = b"",
        cost: int | None = None,
        head: int = 0,
    ) -> Iterator[Frame]:
        """One block: it costs `cost` tokens in all, of which `head` with its first event."""
        base, index = self._sent, self.index
        cost = count(text) if cost is None else cost
        sent = base + min(head, cost)
        yield _event("content_block_start", {"index": index, "content_block": block}), sent
        if index == 0:
            yield _PING, sent
        if first:
            yield first, sent
        opening = self._delta_opening(kind, field)
        for piece, tokens in pieces(text, self._turn.script.batch):
            sent = base + min(head + tokens, cost)
            yield opening + _encode(piece) + b"}}\n\n", sent
        if last:
            yield last, base + cost
        self._sent = base + cost
        self.index += 1
        yield _event("content_block_stop", {"index": index}), self._sent

    def _delta_opening(self, kind: str, field: str) -> bytes:
        """Everything before the piece of text, encoded once per block."""
        return (
            b"event: content_block_delta\ndata: "
            b'{"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
        ) % (self.index, kind.encode(), field.encode())

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", {"index": self.index, "delta": delta})


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode({"type": name, **fields}))

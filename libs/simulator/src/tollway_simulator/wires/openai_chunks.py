"""A streamed Chat Completion, event by event.

The frame around each piece of text is encoded once per answer, so that an event costs one join.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from tollway_simulator.answer import Call
from tollway_simulator.course import Frame
from tollway_simulator.tokens import count, pieces
from tollway_simulator.wires.openai_usage import FINGERPRINT, finish_reason, tier_of, usage_of
from tollway_simulator.wires.wire import Turn

_encode = msgspec.json.encode


def chunks(turn: Turn) -> Iterator[Frame]:
    """Role chunk, content, finish chunk, the usage chunk where it was asked for, `[DONE]`."""
    writer = _Writer(turn)
    for choice in range(turn.ask.choices):
        yield from writer.choice(choice)
    if turn.ask.include_usage and turn.script.usage not in ("none", "choices"):
        yield writer.usage_chunk()
    yield b"data: [DONE]\n\n", writer.sent


class _Writer:
    """Holds the encoded frame and counts the tokens that are out."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._finish = finish_reason(turn)
        self.sent = 0
        head = {
            "id": turn.stamp.response_id,
            "object": "chat.completion.chunk",
            "created": turn.stamp.created,
            "model": turn.model,
            "service_tier": tier_of(turn),
            "system_fingerprint": FINGERPRINT,
        }
        self._head = b"data: " + _encode(head)[:-1]
        null_usage = turn.ask.include_usage and turn.script.usage != "none"
        self._tail = b',"usage":null}\n\n' if null_usage else b"}\n\n"

    def choice(self, index: int) -> Iterator[Frame]:
        """All chunks of one choice, one after the other."""
        answer, start = self._turn.answer, self.sent
        hidden = answer.reasoning and not self._turn.script.expose
        self.sent += count(answer.reasoning) if hidden else 0
        yield self._chunk(index, self._opening(bool(answer.calls)), self.sent)
        if answer.reasoning and not hidden:
            yield from self._text(index, b'{"reasoning_content":', answer.reasoning)
        yield from self._text(index, b'{"content":', answer.text)
        for number, call in enumerate(answer.calls):
            yield from self._call(index, number, call)
        self.sent = start + answer.output_tokens // self._turn.ask.choices
        yield self._chunk(index, b"{}", self.sent, finish=True)

    def usage_chunk(self) -> Frame:
        """The last chunk but one: usage, and no choices."""
        usage = _encode(usage_of(self._turn.answer.usage))
        return self._head + b',"choices":[],"usage":' + usage + b"}\n\n", self.sent

    def _opening(self, calls: bool) -> bytes:
        delta: dict[str, Any] = {
            "role": "assistant",
            "content": None if calls else "",
            "refusal": None,
        }
        return _encode(delta)

    def _text(self, index: int, opening: bytes, text: str) -> Iterator[Frame]:
        base = self.sent
        for piece, tokens in pieces(text, self._turn.script.batch):
            self.sent = base + tokens
            yield self._chunk(index, opening + _encode(piece) + b"}", self.sent)

    def _call(self, index: int, number: int, call: Call) -> Iterator[Frame]:
        """Name and id first, then the arguments in pieces."""
        kind, field = ("custom", "input") if call.free else ("function", "arguments")
        opening = {
            "index": number,
            "id": self._turn.stamp.ids.mint("call_", 24),
            "type": kind,
            kind: {"name": call.name, field: ""},
        }
        base, name = self.sent, count(call.name)
        self.sent = base + min(name, call.tokens)
        yield self._chunk(index, _encode({"tool_calls": [opening]}), self.sent)
        for piece, tokens in pieces(call.arguments, self._turn.script.batch):
            delta = {"tool_calls": [{"index": number, kind: {field: piece}}]}
            self.sent = base + min(name + tokens, call.tokens)
            yield self._chunk(index, _encode(delta), self.sent)
        self.sent = base + call.tokens

    def _chunk(self, index: int, delta: bytes, sent: int, *, finish: bool = False) -> Frame:
        reason = _encode(self._finish) if finish else b"null"
        choice = b',"choices":[{"index":%d,"delta":%b,"logprobs":null,"finish_reason":%b}]'
        tail = self._usage_tail(finish) or self._tail
        return self._head + choice % (index, delta, reason) + tail, sent

    def _usage_tail(self, finish: bool) -> bytes:
        """Usage inside a chunk that has choices, which some vendors send."""
        mode = self._turn.script.usage
        if not self._turn.ask.include_usage or mode not in ("every", "choices"):
            return b""
        if mode == "choices" and not finish:
            return b""
        usage = self._turn.answer.usage.with_output(self.sent)
        return b',"usage":' + _encode(usage_of(usage)) + b"}\n\n"

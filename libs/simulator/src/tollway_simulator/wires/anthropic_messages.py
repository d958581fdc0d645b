"""The Anthropic Messages wire: `POST /v1/messages` and `POST /v1/messages/count_tokens`.

Sources: https://docs.anthropic.com/en/api/messages and .../api/messages-count-tokens
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from tollway_simulator.answer import Answer
from tollway_simulator.arrival import Arrival
from tollway_simulator.ask import Ask
from tollway_simulator.course import Frame
from tollway_simulator.ids import Ids, Stamp
from tollway_simulator.refusal import Refusal
from tollway_simulator.wires.anthropic_errors import body_of, error_of, may_retry
from tollway_simulator.wires.anthropic_events import events
from tollway_simulator.wires.anthropic_request import MessagesReader
from tollway_simulator.wires.anthropic_rules import sign
from tollway_simulator.wires.anthropic_usage import stop_reason, usage_of
from tollway_simulator.wires.wire import Reply, Turn

_JSON = (b"content-type", b"application/json")
_EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")


class AnthropicMessages:
    """Reads and writes Messages."""

    name = "anthropic"
    metered = True

    def __init__(self) -> None:
        self._reader = MessagesReader()

    def read(self, arrival: Arrival) -> Ask:
        """Understand a request."""
        return self._reader.read(arrival)

    def stamp(self, ids: Ids) -> Stamp:
        """`msg_01...`."""
        return ids.stamp("msg_01", 22)

    def headers(self, stamp: Stamp, *, stream: bool) -> tuple[tuple[bytes, bytes], ...]:
        """The headers that Anthropic's SDK and its users look at."""
        return (
            _EVENTS if stream else _JSON,
            (b"request-id", stamp.ids.mint("req_011", 21).encode()),
            (b"anthropic-organization-id", b"simulated"),
        )

    def whole(self, turn: Turn) -> bytes:
        """A `message`."""
        body: dict[str, Any] = {
            "model": turn.model,
            "id": turn.stamp.response_id,
            "type": "message",
            "role": "assistant",
            "content": _content(turn),
            "stop_reason": stop_reason(turn),
            "stop_sequence": turn.answer.stop_sequence,
            "stop_details": None,
            "usage": usage_of(turn, turn.answer.usage),
        }
        if turn.script.usage == "none":
            del body["usage"]
        return msgspec.json.encode(body)

    def frames(self, turn: Turn) -> Iterator[Frame]:
        """Server-sent events from `message_start` to `message_stop`."""
        return events(turn)

    def refuse(self, refusal: Refusal, ids: Ids) -> Reply:
        """An error response."""
        error = error_of(refusal)
        request_id = ids.mint("req_011", 21)
        headers = [
            _JSON,
            (b"request-id", request_id.encode()),
            (b"x-should-retry", b"true" if may_retry(error) else b"false"),
        ]
        if refusal.retry_after:
            headers.append((b"retry-after", refusal.retry_after.encode()))
        return Reply(error.status, tuple(headers), body_of(error, request_id))

    def error_event(self, refusal: Refusal) -> bytes:
        """An `error` event, after which nothing follows."""
        return b"event: error\ndata: " + body_of(error_of(refusal), None) + b"\n\n"


class AnthropicCounting(AnthropicMessages):
    """Counts the input of a request, free of charge."""

    metered = False

    def read(self, arrival: Arrival) -> Ask:
        """Understand a request, which need not say `max_tokens`."""
        return self._reader.read_counting(arrival)

    def whole(self, turn: Turn) -> bytes:
        """`{"input_tokens": n}`."""
        return msgspec.json.encode({"input_tokens": turn.answer.usage.input_total})


def _content(turn: Turn) -> list[dict[str, Any]]:
    answer = turn.answer
    blocks: list[dict[str, Any]] = []
    if answer.reasoning:
        shown = "" if turn.ask.hide_thoughts else answer.reasoning
        blocks.append({"type": "thinking", "thinking": shown, "signature": sign(shown)})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    blocks.extend(_tool_uses(answer, turn.stamp.ids))
    return blocks


def _tool_uses(answer: Answer, ids: Ids) -> Iterator[dict[str, Any]]:
    for call in answer.calls:
        yield {
            "type": "tool_use",
            "id": ids.mint("toolu_01", 22),
            "name": call.name,
            "input": _input(call.arguments),
            "caller": {"type": "direct"},
        }


def _input(arguments: str) -> Any:
    """Arguments as an object; those that `max_tokens` cut off stay empty."""
    try:
        return msgspec.json.decode(arguments.encode())
    except msgspec.DecodeError:
        return {}

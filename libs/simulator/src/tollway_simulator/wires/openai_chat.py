"""The OpenAI Chat Completions wire: `POST /v1/chat/completions`.

Sources: https://platform.openai.com/docs/api-reference/chat/object and .../chat/streaming
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from tollway_simulator.answer import Answer, Call
from tollway_simulator.arrival import Arrival
from tollway_simulator.ask import Ask
from tollway_simulator.course import Frame
from tollway_simulator.ids import Ids, Stamp
from tollway_simulator.refusal import Refusal
from tollway_simulator.script import Script
from tollway_simulator.wires.openai_chunks import chunks
from tollway_simulator.wires.openai_errors import body_of, error_of
from tollway_simulator.wires.openai_request import ChatReader
from tollway_simulator.wires.openai_usage import FINGERPRINT, finish_reason, tier_of, usage_of
from tollway_simulator.wires.wire import Reply, Turn

_JSON = (b"content-type", b"application/json")
_EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")


class OpenAIChat:
    """Reads and writes Chat Completions."""

    name = "openai-chat-completions"
    metered = True

    def __init__(self) -> None:
        self._reader = ChatReader()

    def read(self, arrival: Arrival) -> Ask:
        """Understand a request."""
        return self._reader.read(arrival)

    def stamp(self, ids: Ids) -> Stamp:
        """`chatcmpl-...`."""
        return ids.stamp("chatcmpl-", 29)

    def headers(self, stamp: Stamp, *, stream: bool) -> tuple[tuple[bytes, bytes], ...]:
        """The headers that OpenAI's SDK and its users look at."""
        return (
            _EVENTS if stream else _JSON,
            (b"x-request-id", _request_id(stamp.ids)),
            (b"openai-version", b"2020-10-01"),
            (b"openai-processing-ms", b"1"),
        )

    def whole(self, turn: Turn) -> bytes:
        """A `chat.completion`."""
        answer = turn.answer
        body: dict[str, Any] = {
            "id": turn.stamp.response_id,
            "object": "chat.completion",
            "created": turn.stamp.created,
            "model": turn.model,
            "choices": [
                {
                    "index": index,
                    "message": _message(answer, turn.script, turn.stamp.ids),
                    "logprobs": None,
                    "finish_reason": finish_reason(turn),
                }
                for index in range(turn.ask.choices)
            ],
            "usage": usage_of(answer.usage),
            "service_tier": tier_of(turn),
            "system_fingerprint": FINGERPRINT,
        }
        if turn.script.usage == "none":
            del body["usage"]
        return msgspec.json.encode(body)

    def frames(self, turn: Turn) -> Iterator[Frame]:
        """`chat.completion.chunk` events and `[DONE]`."""
        return chunks(turn)

    def refuse(self, refusal: Refusal, ids: Ids) -> Reply:
        """An error response."""
        error = error_of(refusal)
        headers = [_JSON, (b"x-request-id", _request_id(ids))]
        if refusal.retry_after:
            headers.append((b"retry-after", refusal.retry_after.encode()))
        return Reply(error.status, tuple(headers), body_of(error, refusal.param))

    def error_event(self, refusal: Refusal) -> bytes:
        """An error inside a stream, after which nothing follows, `[DONE]` neither."""
        return b"data: " + body_of(error_of(refusal), refusal.param) + b"\n\n"


def _request_id(ids: Ids) -> bytes:
    return ids.mint("req_", 32).encode()


def _message(answer: Answer, script: Script, ids: Ids) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if answer.calls else answer.text,
        "refusal": None,
        "annotations": [],
    }
    if script.expose and answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = [_tool_call(call, ids) for call in answer.calls]
    return message


def _tool_call(call: Call, ids: Ids) -> dict[str, Any]:
    number = ids.mint("call_", 24)
    if call.free:
        return {
            "id": number,
            "type": "custom",
            "custom": {"name": call.name, "input": call.arguments},
        }
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": number, "type": "function", "function": function}

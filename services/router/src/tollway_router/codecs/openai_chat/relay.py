"""Relaying a chat completions stream, with an eye on usage, errors and its end."""

from typing import Any

import msgspec

from tollway_router.canonical.failure import Failure
from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.codec import Quirks
from tollway_router.codecs.openai_chat.errors import write_error
from tollway_router.codecs.openai_chat.response_reader import list_of
from tollway_router.codecs.openai_chat.stops import read_stop
from tollway_router.codecs.openai_chat.usage import Metered, read_usage
from tollway_router.codecs.relayed_stream import RelayedStream
from tollway_router.codecs.sse import SseEvent, write_event
from tollway_router.codecs.upstream_error import read_upstream_error

DONE = b"[DONE]"


class _Delta(msgspec.Struct):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: Any = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: Any = None
    error: Any = None


class _Chunk(Metered):
    id: Any = None
    model: Any = None
    choices: list[_Choice] | None = None
    error: Any = None


_DECODER = msgspec.json.Decoder(_Chunk)


class ChatRelay(RelayedStream):
    """One stream; `strip_usage` takes out the usage chunk that only the router asked for."""

    def __init__(self, quirks: Quirks, *, strip_usage: bool) -> None:
        super().__init__()
        self._quirks = quirks
        self._strip_usage = strip_usage
        self._raw_usage: dict[str, Any] | None = None
        self._tier: object = None
        self._saw_finish = False

    @property
    def usage(self) -> UsageReport | None:
        """The last usage object, which is cumulative wherever there are several."""
        if self._raw_usage is None:
            return None
        return read_usage(self._raw_usage, self._tier, self._quirks)

    def _is_whole(self) -> bool:
        """Some vendors never send [DONE]."""
        return self._saw_finish

    def _error_event(self, failure: Failure) -> bytes:
        return write_event(write_error(failure))

    def _watch(self, event: SseEvent) -> bool:
        if event.data.strip() == DONE:
            self.finished = True
            return True
        try:
            chunk = _DECODER.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._note_odd(event)
            return True
        return self._note(chunk, event)

    def _note(self, chunk: _Chunk, event: SseEvent) -> bool:
        if self.response_model is None:
            self._identify(chunk)
        if chunk.service_tier is not None:
            self._tier = chunk.service_tier
        usage = chunk.raw_usage()
        if usage is not None:
            self._raw_usage = usage
        if chunk.error or event.name == "error":
            self.failure = read_upstream_error(200, event.data)
            return True
        for choice in chunk.choices or ():
            self._count(choice)
            if choice.error:
                error = msgspec.json.encode({"error": choice.error})
                self.failure = read_upstream_error(200, error)
        return usage is None or bool(chunk.choices) or not self._strip_usage

    def _identify(self, chunk: _Chunk) -> None:
        if isinstance(chunk.model, str) and chunk.model:
            self.response_model = chunk.model
        if isinstance(chunk.id, str) and chunk.id:
            self.response_id = chunk.id

    def _count(self, choice: _Choice) -> None:
        if choice.finish_reason and read_stop(choice.finish_reason) is not None:
            self._saw_finish = True
        delta = choice.delta
        if delta is None:
            return
        reasoning = delta.reasoning_content or delta.reasoning
        self.output_chars += chars(delta.content) + chars(reasoning) + chars(delta.refusal)
        if delta.tool_calls is not None:
            self.output_chars += argument_chars(delta.tool_calls)


def argument_chars(calls: Any) -> int:
    """Characters of the arguments of tool calls."""
    functions = [call.get("function") for call in list_of(calls) if isinstance(call, dict)]
    return chars([one.get("arguments") for one in functions if isinstance(one, dict)])


def chars(value: Any) -> int:
    """Characters of text in a value of a delta or message, lists of parts included."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(chars, value))
    if isinstance(value, dict):
        return chars(value.get("text")) + chars(value.get("thinking"))
    return 0

"""Relaying a Messages stream, with an eye on usage, errors and its end."""

from typing import Any

import msgspec

from tollway_router.canonical.failure import Failure
from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.anthropic_messages.errors import write_error
from tollway_router.codecs.anthropic_messages.usage import merged, read_usage
from tollway_router.codecs.relayed_stream import RelayedStream
from tollway_router.codecs.sse import SseEvent, write_event
from tollway_router.codecs.upstream_error import read_upstream_error


class _Delta(msgspec.Struct):
    text: Any = None
    thinking: Any = None
    partial_json: Any = None


class _Message(msgspec.Struct):
    id: Any = None
    model: Any = None
    usage: Any = None


class _Event(msgspec.Struct):
    type: Any = None
    message: _Message | None = None
    delta: _Delta | None = None
    usage: Any = None
    error: Any = None


_DECODER = msgspec.json.Decoder(_Event)


class MessagesRelay(RelayedStream):
    """One stream."""

    def __init__(self) -> None:
        super().__init__()
        self._raw_usage: dict[str, Any] | None = None

    @property
    def usage(self) -> UsageReport | None:
        """Usage so far: each field as it was stated last."""
        return None if self._raw_usage is None else read_usage(self._raw_usage)

    def _is_whole(self) -> bool:
        """Only message_stop ends a message."""
        return False

    def _error_event(self, failure: Failure) -> bytes:
        return write_event(write_error(failure), "error")

    def _watch(self, event: SseEvent) -> bool:
        try:
            value = _DECODER.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._note_odd(event)
            return True
        if value.error or value.type == "error" or event.name == "error":
            self.failure = read_upstream_error(200, event.data)
        else:
            self._note(value)
        return True

    def _note(self, value: _Event) -> None:
        match value.type:
            case "content_block_delta" if value.delta is not None:
                delta = value.delta
                for text in (delta.text, delta.thinking, delta.partial_json):
                    self.output_chars += len(text) if isinstance(text, str) else 0
            case "message_start" if value.message is not None:
                self._identify(value.message)
                self._add_usage(value.message.usage)
            case "message_delta":
                self._add_usage(value.usage)
            case "message_stop":
                self.finished = True

    def _identify(self, message: _Message) -> None:
        if isinstance(message.id, str):
            self.response_id = message.id
        if isinstance(message.model, str):
            self.response_model = message.model

    def _add_usage(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._raw_usage = merged(self._raw_usage, usage)

"""The chat completions format behind the codec interface."""

import time
from collections.abc import Callable
from typing import Any, ClassVar

from tollway_router.canonical.failure import Failure
from tollway_router.canonical.request import ChatRequest
from tollway_router.canonical.response import ChatResponse
from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.codec import (
    EVENT_STREAM,
    Inspection,
    RequestHead,
    StreamPath,
    StreamReader,
    StreamWriter,
    Target,
)
from tollway_router.codecs.head import (
    nested_value,
    optional_text,
    read_fields,
    read_model,
    read_stream,
)
from tollway_router.codecs.openai_chat import errors
from tollway_router.codecs.openai_chat.answer import inspect
from tollway_router.codecs.openai_chat.relay import ChatRelay
from tollway_router.codecs.openai_chat.request_reader import read_request
from tollway_router.codecs.openai_chat.request_writer import write_request
from tollway_router.codecs.openai_chat.response_reader import read_response
from tollway_router.codecs.openai_chat.response_writer import write_response
from tollway_router.codecs.openai_chat.stream_reader import ChatStreamReader
from tollway_router.codecs.openai_chat.stream_writer import ChatStreamWriter
from tollway_router.codecs.patch import dropped_by_patch, patched, raw_object
from tollway_router.codecs.upstream_error import read_upstream_error


class OpenAIChat:
    """Chat completions; `now` (seconds since 1970) dates answers whose upstream does not."""

    name: ClassVar[str] = "openai-chat"
    stream_content_type: ClassVar[str] = EVENT_STREAM

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now

    def read_head(self, raw: bytes) -> RequestHead:
        """Parse a client's request shallowly; `RequestRefused` if it is none."""
        fields = read_fields(raw)
        wants_usage = nested_value(fields, "stream_options", "include_usage") is True
        user = optional_text(fields, "user") or optional_text(fields, "safety_identifier")
        return RequestHead(read_model(fields), read_stream(fields), wants_usage, user, fields)

    def read_request(self, head: RequestHead) -> ChatRequest:
        """Parse a client's request whole; `RequestRefused` names the field that is wrong."""
        return read_request(head)

    def write_request(
        self, request: ChatRequest, target: Target
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The body for an upstream, and the fields that were dropped; may refuse."""
        return write_request(request, target)

    def patch_request(self, head: RequestHead, target: Target) -> bytes:
        """The client's own body; usage is asked for whenever it streams."""
        changes: dict[str, object] = {"model": target.upstream_model}
        if head.stream and not head.wants_stream_usage and target.quirks.stream_options:
            options = raw_object(head.fields.get("stream_options")) or {}
            changes["stream_options"] = {**options, "include_usage": True}
        return patched(head.fields, changes, dropped_by_patch(head, target))

    def read_response(self, body: bytes) -> ChatResponse:
        """Parse an upstream's answer; `AnswerUnreadable` if it is none."""
        return read_response(body)

    def write_response(self, response: ChatResponse, head: RequestHead) -> bytes:  # noqa: ARG002
        """The answer for a client."""
        return write_response(response, int(self._now()))

    def stream_reader(self, target: Target) -> StreamReader:
        """A reader for one streamed answer of an upstream."""
        return ChatStreamReader(target.quirks)

    def stream_writer(self, head: RequestHead) -> StreamWriter:
        """A writer for one streamed answer to a client."""
        return ChatStreamWriter(int(self._now()), wants_usage=head.wants_stream_usage)

    def relay(self, head: RequestHead, target: Target) -> StreamPath:
        """The way of a streamed answer; a usage chunk that only we asked for stays here."""
        ours = target.quirks.stream_options and not head.wants_stream_usage
        return ChatRelay(target.quirks, strip_usage=ours)

    def inspect(self, body: bytes, target: Target) -> Inspection:
        """Look at an answer that is relayed as it is; never raises."""
        return inspect(body, target.quirks)

    def read_usage(self, body: bytes, target: Target) -> UsageReport | None:
        """The usage of a whole answer, if it states any."""
        return inspect(body, target.quirks).usage

    def read_error(self, status: int, body: bytes) -> Failure:
        """Understand an upstream's error, whatever its shape."""
        return read_upstream_error(status, body)

    def is_own_error(self, body: bytes) -> bool:
        """Whether a body is an error in this format, fit to be relayed word for word."""
        return errors.is_own_error(body)

    def error_status(self, status: int) -> int:
        """The HTTP status by which this format's clients know an upstream's error."""
        return errors.error_status(status)

    def write_error(self, failure: Failure) -> bytes:
        """An error body for a client."""
        return errors.write_error(failure)

"""The Messages format behind the codec interface."""

from typing import Any, ClassVar

from tollway_router.canonical.failure import Failure
from tollway_router.canonical.request import ChatRequest
from tollway_router.canonical.response import ChatResponse
from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.anthropic_messages import errors
from tollway_router.codecs.anthropic_messages.answer import inspect, read_response, write_response
from tollway_router.codecs.anthropic_messages.relay import MessagesRelay
from tollway_router.codecs.anthropic_messages.request_reader import read_request
from tollway_router.codecs.anthropic_messages.request_writer import write_request
from tollway_router.codecs.anthropic_messages.stream_reader import MessagesStreamReader
from tollway_router.codecs.anthropic_messages.stream_writer import MessagesStreamWriter
from tollway_router.codecs.codec import (
    EVENT_STREAM,
    Inspection,
    RequestHead,
    StreamPath,
    StreamReader,
    StreamWriter,
    Target,
)
from tollway_router.codecs.head import nested_value, read_fields, read_model, read_stream
from tollway_router.codecs.patch import dropped_by_patch, patched
from tollway_router.codecs.upstream_error import read_upstream_error


class AnthropicMessages:
    """Messages; streams always carry usage."""

    name: ClassVar[str] = "anthropic-messages"
    stream_content_type: ClassVar[str] = EVENT_STREAM

    def read_head(self, raw: bytes) -> RequestHead:
        """Parse a client's request shallowly; `RequestRefused` if it is none."""
        fields = read_fields(raw)
        user = nested_value(fields, "metadata", "user_id")
        return RequestHead(
            model=read_model(fields),
            stream=read_stream(fields),
            wants_stream_usage=True,
            user=user if isinstance(user, str) else None,
            fields=fields,
        )

    def read_request(self, head: RequestHead) -> ChatRequest:
        """Parse a client's request whole; `RequestRefused` names the field that is wrong."""
        return read_request(head)

    def write_request(
        self, request: ChatRequest, target: Target
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The body for an upstream, and the fields that were dropped; may refuse."""
        return write_request(request, target)

    def patch_request(self, head: RequestHead, target: Target) -> bytes:
        """The client's own body with the upstream's model id."""
        changes = {"model": target.upstream_model}
        return patched(head.fields, changes, dropped_by_patch(head, target))

    def read_response(self, body: bytes) -> ChatResponse:
        """Parse an upstream's answer; `AnswerUnreadable` if it is none."""
        return read_response(body)

    def write_response(self, response: ChatResponse, head: RequestHead) -> bytes:  # noqa: ARG002
        """The answer for a client."""
        return write_response(response)

    def stream_reader(self, target: Target) -> StreamReader:  # noqa: ARG002
        """A reader for one streamed answer of an upstream."""
        return MessagesStreamReader()

    def stream_writer(self, head: RequestHead) -> StreamWriter:  # noqa: ARG002
        """A writer for one streamed answer to a client."""
        return MessagesStreamWriter()

    def relay(self, head: RequestHead, target: Target) -> StreamPath:  # noqa: ARG002
        """The way of a streamed answer between two ends of this format."""
        return MessagesRelay()

    def inspect(self, body: bytes, target: Target) -> Inspection:  # noqa: ARG002
        """Look at an answer that is relayed as it is; never raises."""
        return inspect(body)

    def read_usage(self, body: bytes, target: Target) -> UsageReport | None:  # noqa: ARG002
        """The usage of a whole answer, if it states any."""
        return inspect(body).usage

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

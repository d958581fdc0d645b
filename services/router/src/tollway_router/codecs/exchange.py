"""One request's way through two wire formats: the only thing that the pipeline needs of codecs.

Same format on both ends: bytes are patched and relayed. Different formats: translated by way of
the canonical types.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import msgspec

from tollway_router.canonical.failure import AnswerUnreadable, Failure
from tollway_router.canonical.response import ChatResponse
from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.codec import Codec, RequestHead, StreamPath, Target
from tollway_router.codecs.extent import request_chars, response_chars
from tollway_router.codecs.patch import dropped_by_patch
from tollway_router.codecs.translated_stream import TranslatedStream


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer for the client; with a `failure`, `body` is not an answer to send as one."""

    body: bytes
    usage: UsageReport | None
    failure: Failure | None
    output_chars: int
    response_model: str | None = None
    response_id: str | None = None


class Exchange(Protocol):
    """What to send upstream, and what to make of what comes back."""

    @property
    def body(self) -> bytes:
        """The request body for the upstream."""
        ...

    @property
    def dropped(self) -> tuple[str, ...]:
        """The client's fields that the upstream does not get."""
        ...

    @property
    def input_chars(self) -> int:
        """Characters of text in the request, for estimates."""
        ...

    def answer(self, body: bytes) -> Answer:
        """A whole answer of the upstream, for the client."""
        ...

    def stream(self) -> StreamPath:
        """The way of a streamed answer."""
        ...

    def error(self, status: int, body: bytes) -> tuple[int, bytes]:
        """Status and body for the client when the upstream refused."""
        ...

    def failure(self, failure: Failure) -> tuple[int, bytes]:
        """Status and body for the client when the router itself failed."""
        ...


def plan(client: Codec, upstream: Codec, head: RequestHead, target: Target) -> Exchange:
    """Prepare a request for an upstream; `RequestRefused` if it can't be said there."""
    if client.name == upstream.name:
        return Passthrough(client, head, target)
    return Translation(client, upstream, head, target)


class Passthrough:
    """Both ends speak one format: values stay verbatim, answers are relayed untouched."""

    def __init__(self, codec: Codec, head: RequestHead, target: Target) -> None:
        self._codec = codec
        self._head = head
        self._target = target
        self.dropped = dropped_by_patch(head, target)
        self.body = codec.patch_request(head, target)

    @cached_property
    def input_chars(self) -> int:
        """Characters of text in the request, for estimates."""
        return request_chars(self._head)

    def answer(self, body: bytes) -> Answer:
        """The identical bytes, and what they tell."""
        seen = self._codec.inspect(body, self._target)
        return Answer(
            body,
            seen.usage,
            seen.failure,
            seen.output_chars,
            seen.response_model,
            seen.response_id,
        )

    def stream(self) -> StreamPath:
        """A relay that reads usage on the way past."""
        return self._codec.relay(self._head, self._target)

    def error(self, status: int, body: bytes) -> tuple[int, bytes]:
        """An error of the format word for word; any other in the format's own shape."""
        if 400 <= status <= 599 and self._codec.is_own_error(body):
            return self._codec.error_status(status), body
        return self.failure(self._codec.read_error(status, body))

    def failure(self, failure: Failure) -> tuple[int, bytes]:
        """The failure in the client's format."""
        return self._codec.error_status(failure.status), self._codec.write_error(failure)


class Translation:
    """The ends speak different formats."""

    def __init__(self, client: Codec, upstream: Codec, head: RequestHead, target: Target) -> None:
        self._client = client
        self._upstream = upstream
        self._head = head
        self._target = target
        request = client.read_request(head)
        body, self.dropped = upstream.write_request(request, target)
        self.body = msgspec.json.encode(body)

    @cached_property
    def input_chars(self) -> int:
        """Characters of text in the request, for estimates."""
        return request_chars(self._head)

    def answer(self, body: bytes) -> Answer:
        """The answer in the client's format; with a failure, its error body."""
        try:
            response = self._upstream.read_response(body)
        except AnswerUnreadable as unread:
            usage = self._upstream.read_usage(body, self._target)
            return Answer(self._client.write_error(unread.failure), usage, unread.failure, 0)
        return self._translated(response, self._upstream.read_usage(body, self._target))

    def _translated(self, response: ChatResponse, usage: UsageReport | None) -> Answer:
        written = self._client.write_response(replace(response, usage=usage), self._head)
        return Answer(
            written,
            usage,
            None,
            response_chars(response),
            response.model or None,
            response.id or None,
        )

    def stream(self) -> StreamPath:
        """A reader of one format in front of a writer of the other."""
        return TranslatedStream(
            self._upstream.stream_reader(self._target), self._client.stream_writer(self._head)
        )

    def error(self, status: int, body: bytes) -> tuple[int, bytes]:
        """The upstream's error in the client's format."""
        return self.failure(self._upstream.read_error(status, body))

    def failure(self, failure: Failure) -> tuple[int, bytes]:
        """The failure in the client's format."""
        return self._client.error_status(failure.status), self._client.write_error(failure)

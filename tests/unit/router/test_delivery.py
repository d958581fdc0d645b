"""An answer on its way to the client: what is held back, blacked out, or given to another try."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from support.attempts import an_attempt

from tollway_contracts.vocabulary import Outcome
from tollway_router.codecs.codec import Target
from tollway_router.codecs.exchange import plan
from tollway_router.codecs.registry import CODECS
from tollway_router.delivery import Delivery
from tollway_router.refusal import Refusal

SECRET = "sk-live-0123456789abcdef"
CHUNK = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


class FakeAnswer:
    """A provider's answer from a script; it stays open for `open_for` seconds after its end."""

    def __init__(
        self, *chunks: bytes, content_type: str = "text/event-stream", open_for: float = 0
    ) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.content_type = content_type
        self._chunks = chunks
        self._open_for = open_for

    async def chunks(self) -> AsyncIterator[bytes]:
        chunks, self._chunks = self._chunks, ()
        for chunk in chunks:
            yield chunk
        await asyncio.sleep(self._open_for)

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])


class FakeClient:
    """Keeps what it is sent, and when its answer was complete."""

    def __init__(self) -> None:
        self.gone = False
        self.started = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.recorded_before_the_end: list[Outcome] | None = None
        self.recording: Any = None
        self.finished_at = 0.0

    async def start(self, status: int, headers: dict[str, str]) -> None:
        self.started, self.status, self.headers = True, status, headers

    async def send(self, body: bytes) -> None:
        self.body += body
        if b"[DONE]" in body:
            self.recorded_before_the_end = list(self.recording.outcomes)

    async def finish(self, body: bytes = b"") -> None:
        self.body += body
        self.finished_at = asyncio.get_running_loop().time()

    async def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        await self.start(status, headers)
        await self.finish(body)


class FakeRecording:
    def __init__(self) -> None:
        self.attempt = an_attempt()
        self.outcomes: list[Outcome] = []

    def finish(self, outcome: Outcome) -> None:
        if not self.outcomes:
            self.outcomes.append(outcome)


def delivery(*, streamed: bool = True, is_last: bool = True, **fields: Any) -> Delivery:
    codec = CODECS["openai-chat"]
    upstream = CODECS[fields.pop("upstream", "openai-chat")]
    request = {
        "model": "chat",
        "stream": streamed,
        "messages": [{"role": "user", "content": "Hi"}],
        **fields,
    }
    head = codec.read_head(json.dumps(request).encode())
    target = Target(upstream_model="m", on_unsupported="drop")
    client, recording = FakeClient(), FakeRecording()
    client.recording = recording
    return Delivery(
        client,  # type: ignore[arg-type]
        plan(codec, upstream, head, target),
        recording,  # type: ignore[arg-type]
        SimpleNamespace(model=SimpleNamespace(name="chat"), deployment=SimpleNamespace(name="a")),  # type: ignore[arg-type]
        number=1,
        secrets={"api_key": SECRET},
        streamed=streamed,
        is_last=is_last,
    )


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(CHUNK | fields).encode() + b"\n\n"


SAYS_HELLO = event(choices=[{"index": 0, "delta": {"content": "Hello"}, "finish_reason": None}])
STOPS = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
COUNTS = event(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
DONE = b"data: [DONE]\n\n"
FAILS = b'data: {"error": {"message": "bad key %s", "code": 401}}\n\n' % SECRET.encode()


async def test_usage_is_recorded_before_the_last_event_is_passed_on():
    one = delivery()
    assert await one.deliver(FakeAnswer(SAYS_HELLO, STOPS, COUNTS, DONE)) is None
    assert one.client.recorded_before_the_end == [Outcome.OK]
    assert one.recording.attempt.measured.usage.meters["output"] == 2


async def test_a_stream_that_is_over_is_over_for_the_client_though_the_provider_stays_connected():
    one = delivery()
    began = asyncio.get_running_loop().time()
    await one.deliver(FakeAnswer(SAYS_HELLO, STOPS, COUNTS, DONE, open_for=30))
    assert one.client.finished_at - began < 0.5
    assert asyncio.get_running_loop().time() - began < 5


async def test_an_error_as_the_first_event_goes_to_another_deployment_where_there_is_one():
    one = delivery(is_last=False)
    refusal = await one.deliver(FakeAnswer(FAILS, DONE))
    assert isinstance(refusal, Refusal)
    assert not one.client.started
    assert one.recording.outcomes == [Outcome.UPSTREAM_FAILED]


@pytest.mark.parametrize("chunks", [(FAILS, DONE), (SAYS_HELLO, FAILS, DONE)])
async def test_a_credential_quoted_in_a_stream_s_error_is_blacked_out(chunks):
    one = delivery()
    await one.deliver(FakeAnswer(*chunks))
    assert b"bad key" in one.client.body
    assert SECRET.encode() not in one.client.body


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_credential_quoted_in_an_error_inside_a_200_is_blacked_out(streamed):
    one = delivery(streamed=streamed)
    body = json.dumps({"error": {"message": f"bad key {SECRET}", "code": 401}}).encode()
    refusal = await one.deliver(FakeAnswer(body, content_type="application/json"))
    assert isinstance(refusal, Refusal)
    assert refusal.status >= 400
    assert b"bad key" in refusal.body
    assert SECRET.encode() not in refusal.body


async def test_a_field_s_name_cannot_break_the_answer_s_headers():
    one = delivery(streamed=False, upstream="anthropic-messages", **{"a\r\nset-cookie: x": 1})
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    await one.deliver(FakeAnswer(json.dumps(message).encode(), content_type="application/json"))
    assert one.client.status == 200
    assert "a??set-cookie??x" in one.client.headers["x-tollway-dropped"]


async def test_a_whole_answer_tells_which_model_gave_it():
    one = delivery(streamed=False)
    body = {"id": "c9", "object": "chat.completion", "model": "m-2026", "choices": []}
    await one.deliver(FakeAnswer(json.dumps(body).encode(), content_type="application/json"))
    measured = one.recording.attempt.measured
    assert (measured.response_model, measured.response_id) == ("m-2026", "c9")

"""Streams relayed between two ends of one format."""

import json

import pytest
from unit.codecs.wire import (
    DONE,
    MESSAGES,
    TARGET,
    chat_relay,
    chunk,
    message_end,
    message_start,
    messages_head,
    sse,
    text_block,
    tool_delta,
)

from tollway_router.canonical.failure import Failure, FailureKind
from tollway_router.codecs import relayed_stream
from tollway_router.codecs.codec import Quirks, StreamPath, Target
from tollway_router.codecs.exchange import plan

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
HELLO = chunk({"content": "hello"})
FINISH = chunk({}, finish="stop")
TIMEOUT = Failure(FailureKind.TIMEOUT, "the upstream fell silent", 504)


def sent(path: StreamPath, *pieces: bytes) -> bytes:
    return b"".join([path.feed(piece) for piece in pieces]) + path.end()


def messages_relay() -> StreamPath:
    return plan(MESSAGES, MESSAGES, messages_head(stream=True), TARGET).stream()


def test_the_usage_chunk_that_only_we_asked_for_is_stripped_and_nothing_else() -> None:
    path = chat_relay(asked=False)
    assert sent(path, HELLO, FINISH, chunk(usage=USAGE), DONE) == HELLO + FINISH + DONE
    assert path.usage is not None
    assert path.usage.raw == USAGE


def test_the_usage_chunk_that_the_client_asked_for_stays() -> None:
    stream = HELLO + FINISH + chunk(usage=USAGE) + DONE
    assert sent(chat_relay(asked=True), stream) == stream


def test_a_chunk_with_usage_and_choices_stays_whoever_asked() -> None:
    stream = HELLO + chunk({}, finish="stop", usage=USAGE) + DONE
    path = chat_relay(asked=False)
    assert sent(path, stream) == stream
    assert path.usage is not None


def test_a_usage_chunk_that_nobody_asked_for_stays() -> None:
    stream = HELLO + FINISH + chunk(usage=USAGE) + DONE
    target = Target("m", quirks=Quirks(stream_options=False))
    assert sent(chat_relay(asked=False, target=target), stream) == stream


def test_a_first_chunk_without_choices_is_not_taken_for_usage() -> None:
    stream = chunk(usage=None, prompt_filter_results=[]) + HELLO + FINISH + DONE
    assert sent(chat_relay(asked=False), stream) == stream


def test_the_stripped_chunk_leaves_no_trace_at_any_cut_and_line_end() -> None:
    stream = (HELLO + FINISH + chunk(usage=USAGE) + DONE).replace(b"\n", b"\r\n")
    kept = (HELLO + FINISH + DONE).replace(b"\n", b"\r\n")
    for size in (1, 2, 3, 50):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert sent(chat_relay(asked=False), *pieces) == kept


def test_usage_in_every_chunk_is_cumulative_so_the_last_counts() -> None:
    path = chat_relay(asked=True)
    sent(path, chunk({"content": "a"}, usage={"completion_tokens": 1}), FINISH, chunk(usage=USAGE))
    assert path.usage is not None
    assert path.usage.meters["output"] == 2


def test_an_interrupted_stream_has_no_usage_but_its_length() -> None:
    path = chat_relay(asked=False)
    path.feed(HELLO + chunk({"reasoning": "abc"}) + chunk(tool_delta(0, '{"x":1}', id="a")))
    assert path.usage is None
    assert path.output_chars == len("hello" + "abc" + '{"x":1}')


def test_a_stream_without_done_is_whole_by_its_finish_reason() -> None:
    path = chat_relay(asked=True)
    assert sent(path, HELLO, FINISH) == HELLO + FINISH
    assert path.finished


def test_a_cut_stream_ends_with_an_error_event() -> None:
    path = chat_relay(asked=True)
    out = sent(path, HELLO)
    assert out.startswith(HELLO)
    assert json.loads(out[len(HELLO) :].removeprefix(b"data: "))["error"]["code"]
    assert path.failure is not None
    assert not path.finished


def test_half_an_event_never_stands_before_the_error_event() -> None:
    half = HELLO[:40]
    path = chat_relay(asked=True)
    assert path.feed(HELLO + half) == HELLO
    assert path.fail(TIMEOUT).startswith(b'data: {"error"')
    assert path.end() == b""
    cut = chat_relay(asked=True)
    assert sent(cut, HELLO + half)[len(HELLO) :].startswith(b'data: {"error"')


def test_a_last_event_without_its_blank_line_passes() -> None:
    stream = HELLO + FINISH + b"data: [DONE]"
    path = chat_relay(asked=True)
    assert sent(path, stream) == stream
    assert path.finished


def test_an_error_amid_the_stream_passes_and_is_noted_once() -> None:
    broken = b'event: error\ndata: {"error":{"message":"bad call","status_code":400}}\n\n'
    path = chat_relay(asked=True)
    assert sent(path, HELLO, broken) == HELLO + broken
    assert path.failure is not None
    assert (path.failure.status, path.failure.message) == (400, "bad call")


def test_text_that_looks_like_a_marker_is_only_text() -> None:
    words = '"error":{"x":1} "usage":{} [DONE] "finish_reason":"stop"'
    path = chat_relay(asked=False)
    path.feed(chunk({"content": words}))
    assert (path.failure, path.usage, path.finished) == (None, None, False)
    assert path.output_chars == len(words)


@pytest.mark.parametrize(
    "garbage", [b"data: {oops\n\n", b"<html>\n\n", b"data: [1]\n\n", b"\x00\xff\n\n"]
)
def test_garbage_passes_unharmed(garbage: bytes) -> None:
    path = chat_relay(asked=False)
    assert sent(path, HELLO, garbage, FINISH, DONE) == HELLO + garbage + FINISH + DONE
    assert path.finished


def test_an_event_beyond_all_measure_passes_without_being_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relayed_stream, "MAX_HELD", 100)
    path = chat_relay(asked=True)
    long = chunk({"content": "x" * 500})
    assert path.feed(long[:300]) == long[:300]
    assert path.feed(long[300:] + DONE) == long[300:] + DONE


def test_fail_after_the_end_says_nothing() -> None:
    path = chat_relay(asked=True)
    sent(path, HELLO, FINISH, DONE)
    assert path.fail(TIMEOUT) == b""


def test_the_served_tier_is_taken_from_the_chunks() -> None:
    path = chat_relay(asked=True)
    sent(path, chunk({"content": "a"}, service_tier="default"), FINISH, chunk(usage=USAGE), DONE)
    assert path.usage is not None
    assert path.usage.service_tier == "default"


def test_messages_pass_untouched_and_end_with_message_stop() -> None:
    stream = message_start() + sse("ping") + text_block(0, "hello") + message_end()
    path = messages_relay()
    assert sent(path, stream) == stream
    assert (path.finished, path.output_chars) == (True, 5)
    assert (path.response_id, path.response_model) == ("msg_1", "claude")


def test_messages_without_message_stop_end_with_an_error_event() -> None:
    path = messages_relay()
    out = sent(path, message_start() + text_block(0, "hello"))
    assert out.splitlines()[-3] == b"event: error"
    assert json.loads(out.splitlines()[-2].removeprefix(b"data: "))["error"]["type"] == "api_error"
    assert not path.finished


@pytest.mark.parametrize(
    "event",
    [
        sse("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        b'event: error\ndata: {"type":"overloaded_error","message":"Overloaded"}\n\n',
    ],
)
def test_an_error_event_of_messages_passes_and_is_noted(event: bytes) -> None:
    path = messages_relay()
    assert sent(path, message_start() + event) == message_start() + event
    assert path.failure is not None
    assert path.failure.kind is FailureKind.OVERLOADED


def test_an_error_inside_a_choice_is_noted() -> None:
    choice = {"index": 0, "delta": {"content": ""}, "error": {"code": 503, "message": "gone"}}
    path = chat_relay(asked=True)
    assert sent(path, chunk(choices=[choice])) == chunk(choices=[choice])
    assert path.failure is not None
    assert path.failure.status == 503

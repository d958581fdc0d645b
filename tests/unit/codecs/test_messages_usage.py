import pytest
from unit.codecs.wire import (
    MESSAGES,
    TARGET,
    chat_answer,
    chat_for_messages_client,
    message_answer,
    message_end,
    message_start,
    messages_head,
)

from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.exchange import plan


def report(**usage: object) -> UsageReport:
    read = MESSAGES.read_usage(message_answer([], usage=usage), TARGET)
    assert read is not None
    return read


def streamed(*pieces: bytes) -> UsageReport | None:
    path = plan(MESSAGES, MESSAGES, messages_head(stream=True), TARGET).stream()
    for piece in pieces:
        path.feed(piece)
    path.end()
    return path.usage


def test_the_counts_are_disjoint_as_they_stand() -> None:
    usage = report(
        input_tokens=1,
        cache_read_input_tokens=2,
        cache_creation_input_tokens=7,
        cache_creation={"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        output_tokens=9,
        output_tokens_details={"thinking_tokens": 5},
        server_tool_use={"web_search_requests": 2},
        service_tier="priority",
        inference_geo="us",
    )
    assert usage.meters == {
        "input_uncached": 1,
        "cache_read": 2,
        "cache_write_5m": 3,
        "cache_write_1h": 4,
        "output": 9,
        "reasoning": 5,
        "web_searches": 2,
    }
    assert (usage.service_tier, usage.region, usage.flags) == ("priority", "us", ())


def test_cache_writes_without_a_split_count_as_five_minutes() -> None:
    assert report(input_tokens=1, cache_creation_input_tokens=7).meters["cache_write_5m"] == 7


@pytest.mark.parametrize(("five", "hour", "expected"), [(2, 3, (7, 3)), (0, 20, (0, 10))])
def test_a_split_that_does_not_add_up_keeps_the_sum_and_is_flagged(
    five: int, hour: int, expected: tuple[int, int]
) -> None:
    split = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
    usage = report(input_tokens=1, cache_creation_input_tokens=10, cache_creation=split)
    assert (usage.meters["cache_write_5m"], usage.meters["cache_write_1h"]) == expected
    assert usage.flags == ("cache_write_split_mismatch",)


def test_iterations_stay_in_raw_and_are_flagged() -> None:
    iterations = [{"type": "advisor_message", "model": "other", "input_tokens": 900}]
    usage = report(input_tokens=1, output_tokens=1, iterations=iterations)
    assert usage.raw["iterations"] == iterations
    assert usage.flags == ("usage_iterations",)


def test_a_region_that_is_not_available_is_none() -> None:
    assert report(input_tokens=1, inference_geo="not_available").region is None


def test_streamed_usage_is_cumulative_and_never_summed() -> None:
    usage = streamed(message_start(), message_end(), message_end())
    assert usage is not None
    assert usage.meters["output"] == 7


def test_the_last_message_delta_wins_field_by_field() -> None:
    usage = streamed(
        message_start(input_tokens=899, cache_read_input_tokens=5, service_tier="standard"),
        message_end(input_tokens=7244, cache_read_input_tokens=None),
    )
    assert usage is not None
    assert usage.meters == {"input_uncached": 7244, "cache_read": 5, "output": 7}
    assert usage.service_tier == "standard"


def test_a_cut_stream_keeps_what_was_said_until_then() -> None:
    usage = streamed(message_start(input_tokens=42))
    assert usage is not None
    assert usage.meters == {"input_uncached": 42, "output": 1}


def test_written_usage_is_disjoint_again() -> None:
    raw = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    written = chat_for_messages_client(chat_answer({"content": "x"}, usage=raw))["usage"]
    assert written["input_tokens"] == 10
    assert written["cache_read_input_tokens"] == 60
    assert written["cache_creation_input_tokens"] == 30
    assert written["output_tokens"] == 50
    assert written["output_tokens_details"] == {"thinking_tokens": 20}

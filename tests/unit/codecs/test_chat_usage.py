import pytest
from unit.codecs.wire import CHAT, chat_answer, message_answer, messages_for_chat_client

from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.codec import Quirks, Target

PLAIN = Quirks()
XAI = Quirks(reasoning_outside_completion=True, cached_can_exceed_input=True)


def report(usage: object, quirks: Quirks = PLAIN, **fields: object) -> UsageReport:
    body = chat_answer({"content": "x"}, usage=usage, **fields)
    read = CHAT.read_usage(body, Target("m", quirks=quirks))
    assert read is not None
    return read


def test_cached_and_written_tokens_are_taken_out_of_the_prompt() -> None:
    details = {"cached_tokens": 60, "cache_write_tokens": 30}
    usage = report({"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": details})
    assert usage.meters == {
        "input_uncached": 10,
        "cache_read": 60,
        "cache_write_5m": 30,
        "output": 5,
    }


@pytest.mark.parametrize(
    "fields", [{"prompt_cache_hit_tokens": 4}, {"cached_tokens": 4}, {"num_cached_tokens": 4}]
)
def test_cached_tokens_are_found_under_every_vendors_name(fields: dict[str, int]) -> None:
    usage = report({"prompt_tokens": 10, "completion_tokens": 1, **fields})
    assert (usage.meters["input_uncached"], usage.meters["cache_read"]) == (6, 4)


def test_cached_tokens_beyond_the_prompt_are_clamped_and_flagged() -> None:
    details = {"cached_tokens": 387}
    usage = report({"prompt_tokens": 298, "completion_tokens": 1, "prompt_tokens_details": details})
    assert usage.meters["input_uncached"] == 0
    assert usage.meters["cache_read"] == 387
    assert usage.flags == ("cached_exceeds_input",)


def test_xai_cached_tokens_beyond_the_prompt_stand_beside_it() -> None:
    details = {"cached_tokens": 387}
    usage = report(
        {"prompt_tokens": 298, "completion_tokens": 1, "prompt_tokens_details": details}, XAI
    )
    assert (usage.meters["input_uncached"], usage.meters["cache_read"]) == (298, 387)
    assert usage.flags == ("cached_exceeds_input", "cached_beside_input")


def test_xai_usage_is_known_by_its_fields_wherever_the_model_runs() -> None:
    usage = report(
        {
            "prompt_tokens": 298,
            "completion_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 387, "text_tokens": 298},
            "num_sources_used": 0,
        }
    )
    assert usage.meters["input_uncached"] == 298


def test_tokens_both_read_and_written_are_taken_out_of_the_prompt_once() -> None:
    details = {"cached_tokens": 2161, "cache_write_tokens": 2161}
    usage = report({"prompt_tokens": 2168, "prompt_tokens_details": details})
    assert usage.meters == {"input_uncached": 7, "cache_read": 2161, "cache_write_5m": 2161}
    assert usage.flags == ("cache_read_and_written",)


def test_reasoning_inside_the_completion_only_informs() -> None:
    usage = report(
        {
            "prompt_tokens": 10,
            "completion_tokens": 50,
            "total_tokens": 60,
            "completion_tokens_details": {"reasoning_tokens": 40},
        },
        XAI,
    )
    assert (usage.meters["output"], usage.meters["reasoning"]) == (50, 40)


def test_reasoning_outside_the_completion_is_added_when_the_total_says_so() -> None:
    usage = report(
        {
            "prompt_tokens": 12,
            "completion_tokens": 1,
            "total_tokens": 303,
            "completion_tokens_details": {"reasoning_tokens": 290},
        }
    )
    assert (usage.meters["output"], usage.meters["reasoning"]) == (291, 290)


def test_reasoning_without_a_total_goes_by_what_is_known_of_the_vendor() -> None:
    stated = {"completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 9}}
    assert report({"prompt_tokens": 5, **stated}, XAI).meters["output"] == 10
    assert report({"prompt_tokens": 5, **stated}).meters["output"] == 1


def test_an_absent_count_has_no_meter_and_a_stated_zero_has_one() -> None:
    usage = report({"prompt_tokens": 3, "completion_tokens": 0, "prompt_tokens_details": None})
    assert usage.meters == {"input_uncached": 3, "output": 0}
    details = {"cached_tokens": 0, "audio_tokens": None}
    stated = report({"prompt_tokens": 3, "completion_tokens": 0, "prompt_tokens_details": details})
    assert stated.meters == {"input_uncached": 3, "output": 0, "cache_read": 0}


def test_floats_negative_counts_and_words_do_no_harm() -> None:
    usage = report({"prompt_tokens": 10.0, "completion_tokens": -3, "cached_tokens": "many"})
    assert usage.meters == {"input_uncached": 10, "output": 0}
    assert usage.flags == ("count_negative",)
    assert report({"prompt_tokens": 1.5}).flags == ("count_not_whole",)


def test_audio_and_image_tokens_do_not_overlap_text() -> None:
    usage = report(
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "prompt_tokens_details": {"cached_tokens": 20, "audio_tokens": 30, "image_tokens": 5},
            "completion_tokens_details": {"audio_tokens": 40},
        }
    )
    assert usage.meters == {
        "cache_read": 20,
        "input_audio": 30,
        "input_image": 5,
        "input_uncached": 45,
        "output_audio": 40,
        "output": 10,
    }


def test_cached_audio_is_not_counted_twice() -> None:
    details = {"cached_tokens": 90, "audio_tokens": 30}
    usage = report({"prompt_tokens": 100, "completion_tokens": 1, "prompt_tokens_details": details})
    assert (usage.meters["input_audio"], usage.meters["input_uncached"]) == (10, 0)
    assert usage.flags == ("modalities_overlap_cache",)


def test_groqs_own_place_for_usage_is_read() -> None:
    nested = {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    assert report(None, x_groq=nested).meters == {"input_uncached": 3, "output": 4}


def test_the_tier_that_was_served_is_reported_not_the_one_asked_for() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    assert report(usage, service_tier="default").service_tier == "default"
    assert report({**usage, "service_tier": "standard"}).service_tier == "standard"
    assert report(usage).service_tier is None


def test_raw_usage_is_verbatim() -> None:
    raw = {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.25, "odd": {"deep": [None]}}
    assert report(raw).raw == raw


def test_an_answer_without_usage_reports_none() -> None:
    assert CHAT.read_usage(chat_answer({"content": "x"}, usage=None), Target("m")) is None


def test_web_searches_are_counted() -> None:
    usage = {"prompt_tokens": 1, "server_tool_use_details": {"web_search_requests": 2}}
    assert report(usage).meters["web_searches"] == 2


def test_written_usage_sums_what_messages_keeps_apart() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 25, "ephemeral_1h_input_tokens": 5},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    written = messages_for_chat_client(message_answer([], usage=usage))["usage"]
    assert written == {
        "prompt_tokens": 60,
        "completion_tokens": 7,
        "total_tokens": 67,
        "prompt_tokens_details": {
            "cached_tokens": 20,
            "cache_write_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 25, "ephemeral_1h_input_tokens": 5},
        },
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    assert report(written).meters["cache_write_1h"] == 5

"""What is counted for an attempt, and when it is an estimate."""

import pytest
from support.attempts import an_attempt

from tollway_contracts.vocabulary import Outcome
from tollway_router.canonical.usage import UsageReport
from tollway_router.usage.attempt import MAX_RAW_CHARS, Whole
from tollway_router.usage.spool import Numbers

STATED = UsageReport(raw={"prompt_tokens": 9}, meters={"input_uncached": 9, "output": 4})


def event(answer: Whole | None, outcome: Outcome = Outcome.OK, **facts):
    attempt = an_attempt()
    attempt.measured = answer
    for name, value in facts.items():
        setattr(attempt, name, value)
    return attempt.event(outcome, Numbers("rtr_1", 1, 1))


def test_a_whole_answer_counts_what_the_provider_stated_word_for_word():
    recorded = event(Whole(STATED, 100))
    assert recorded.raw_usage == {"prompt_tokens": 9}
    assert recorded.meters == {"input_uncached": 9, "output": 4}
    assert not recorded.estimated


def test_a_refused_attempt_used_nothing_and_nothing_is_estimated():
    recorded = event(None, Outcome.UPSTREAM_REFUSED)
    assert (recorded.meters, recorded.estimated, recorded.raw_usage) == ({}, False, None)


@pytest.mark.parametrize(("chars", "tokens"), [(1, 1), (4, 1), (5, 2)])
def test_an_answer_without_usage_is_estimated_at_four_characters_a_token(chars, tokens):
    recorded = event(Whole(None, chars))
    assert recorded.meters == {"input_uncached": 11, "output": tokens}
    assert recorded.estimated
    assert recorded.flags == ("usage_absent",)


def test_an_explicit_zero_is_not_taken_for_missing():
    recorded = event(
        Whole(UsageReport(raw={"x": 0}, meters={"input_uncached": 0, "output": 0}), 50)
    )
    assert recorded.meters == {"input_uncached": 0, "output": 0}
    assert not recorded.estimated


def test_a_cut_answer_keeps_the_stated_input_and_estimates_output_from_what_came_by():
    recorded = event(Whole(STATED, 400, finished=False), Outcome.UPSTREAM_CUT)
    assert recorded.meters == {"input_uncached": 9, "output": 100}
    assert recorded.estimated
    assert recorded.raw_usage == {"prompt_tokens": 9}


def test_a_cut_answer_is_never_estimated_below_what_was_stated():
    recorded = event(Whole(STATED, 4, finished=False), Outcome.UPSTREAM_CUT)
    assert recorded.meters["output"] == 4


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.UPSTREAM_TIMEOUT,
        Outcome.UPSTREAM_CUT,
        Outcome.CLIENT_DISCONNECTED,
        Outcome.ROUTER_STOPPED,
    ],
)
@pytest.mark.parametrize("status", [None, 200])
def test_a_request_that_the_provider_may_be_answering_is_estimated(outcome, status):
    recorded = event(None, outcome, status=status)
    assert recorded.estimated
    assert recorded.meters == {"input_uncached": 11}


def test_a_request_that_never_left_used_nothing():
    recorded = event(None, Outcome.UPSTREAM_TIMEOUT, was_sent=False)
    assert (recorded.meters, recorded.estimated) == ({}, False)


def test_an_error_that_came_late_used_nothing():
    recorded = event(None, Outcome.UPSTREAM_CUT, status=500)
    assert (recorded.meters, recorded.estimated) == ({}, False)


def test_what_others_write_into_an_event_is_bounded():
    huge = UsageReport(raw={"x": "y" * MAX_RAW_CHARS}, meters={"output": 1}, service_tier="t" * 999)
    recorded = event(Whole(huge, 1, response_model="m" * 999, response_id="i" * 999))
    assert recorded.raw_usage is None
    assert recorded.flags == ("raw_usage_too_large",)
    assert recorded.meters == {"output": 1}
    assert len(recorded.to_json()) < 4096
    assert len(an_attempt(user="u" * 10_000_000).interrupted_event().to_json()) < 4096

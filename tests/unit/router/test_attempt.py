"""What is counted for an attempt, and when it is an estimate."""

from dataclasses import dataclass

import pytest
from support.builders import api_key, deployment, model, provider

from tollway_contracts.vocabulary import Outcome, Surface
from tollway_router.canonical.usage import UsageReport
from tollway_router.routing.table import make_route
from tollway_router.usage.attempt import Attempt, Request, Whole
from tollway_router.usage.spool import Numbers

STATED = UsageReport(raw={"prompt_tokens": 9}, meters={"input_uncached": 9, "output": 4})


@dataclass(frozen=True)
class Asked:
    input_chars: int = 41


def event(answer: Whole | None, outcome: Outcome = Outcome.OK):
    route = make_route(model(), deployment(), provider())
    assert route is not None
    request = Request("req_1", Surface.CHAT_COMPLETIONS, api_key(), True, None)
    attempt = Attempt(request, route, 1, Asked(), answer=answer)
    return attempt.event(Numbers("rtr_1", 1, 1), outcome)


def test_a_whole_answer_counts_what_the_provider_stated_word_for_word():
    recorded = event(Whole(STATED, 100))
    assert recorded.raw_usage == {"prompt_tokens": 9}
    assert recorded.meters == {"input_uncached": 9, "output": 4}
    assert not recorded.estimated


def test_a_refused_attempt_used_nothing_and_nothing_is_estimated():
    recorded = event(None, Outcome.UPSTREAM_REFUSED)
    assert (recorded.meters, recorded.estimated, recorded.raw_usage) == ({}, False, None)


@pytest.mark.parametrize(("chars", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2)])
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

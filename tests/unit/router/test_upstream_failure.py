"""What a failed upstream call means, to the client and in the log."""

import inspect

import aiohttp
import pytest

from tollway_contracts.vocabulary import Outcome
from tollway_router.upstream.egress import EgressRefused
from tollway_router.upstream.failure import (
    AFTER_SENDING,
    BEFORE_SENDING,
    UpstreamFailed,
    ended_early,
    invalid_answer,
    translated,
)

TABLES = {False: BEFORE_SENDING, True: AFTER_SENDING}


def _aiohttp_errors():
    return [
        member
        for _, member in inspect.getmembers(aiohttp, inspect.isclass)
        if issubclass(member, aiohttp.ClientError)
    ]


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("kind", _aiohttp_errors(), ids=lambda kind: kind.__name__)
def test_every_error_of_the_http_client_has_a_meaning(kind, sent):
    known = next(meaning for entry, meaning in TABLES[sent] if issubclass(kind, entry))
    failed = translated(kind.__new__(kind), sent=sent)
    assert failed.outcome is known.outcome
    assert failed.failure.status in {502, 504}
    assert failed.sent is sent


@pytest.mark.parametrize("kind", _aiohttp_errors(), ids=lambda kind: kind.__name__)
def test_what_was_not_sent_is_unreachable_and_what_was_sent_is_not(kind):
    unreachable = Outcome.UPSTREAM_UNREACHABLE
    assert translated(kind.__new__(kind), sent=False).outcome is unreachable
    assert translated(kind.__new__(kind), sent=True).outcome is not unreachable


def test_an_error_that_is_not_the_client_s_is_not_swallowed():
    for sent in (False, True):
        with pytest.raises(ZeroDivisionError):
            translated(ZeroDivisionError(), sent=sent)


def test_an_answer_that_is_wrong_or_missing_was_asked_for():
    assert invalid_answer("What?").sent
    assert ended_early().sent


def raised(error: Exception, cause: Exception | None = None) -> UpstreamFailed:
    error.__cause__ = cause
    failed = translated(error, sent=cause is None)
    failed.__cause__ = error
    return failed


def test_the_cause_of_an_answer_s_error_is_its_name():
    secret = {"authorization": "Bearer sk-live"}
    error = aiohttp.ClientResponseError(secret, (), status=400, message="sk-live?")
    assert raised(error).cause == "ClientResponseError"


def test_the_cause_of_a_refused_address_says_why():
    failed = raised(OSError("cannot connect"), EgressRefused("10.0.0.1: private"))
    assert failed.failure.code == "egress_refused"
    assert failed.cause == "OSError: cannot connect <- EgressRefused: 10.0.0.1: private"


def test_the_cause_of_a_failure_that_no_error_made_is_its_message():
    assert invalid_answer("Not JSON.").cause == "Not JSON."

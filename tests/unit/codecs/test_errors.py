import json
from typing import Any

import pytest
from unit.codecs.wire import (
    CHAT,
    MESSAGES,
    TARGET,
    chat_head,
    chat_to_messages,
    messages_head,
    messages_to_chat,
)

from tollway_router.canonical.failure import Failure, FailureKind
from tollway_router.codecs.codec import Codec
from tollway_router.codecs.exchange import Exchange, plan

CODECS = pytest.mark.parametrize("codec", [CHAT, MESSAGES], ids=lambda codec: codec.name)


def passthrough(codec: Codec) -> Exchange:
    return plan(codec, codec, chat_head() if codec is CHAT else messages_head(), TARGET)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.INVALID_REQUEST),
        (422, FailureKind.INVALID_REQUEST),
        (401, FailureKind.AUTHENTICATION),
        (402, FailureKind.PERMISSION),
        (403, FailureKind.PERMISSION),
        (404, FailureKind.NOT_FOUND),
        (408, FailureKind.TIMEOUT),
        (413, FailureKind.TOO_LARGE),
        (429, FailureKind.RATE_LIMITED),
        (500, FailureKind.UPSTREAM_ERROR),
        (503, FailureKind.OVERLOADED),
        (504, FailureKind.TIMEOUT),
        (529, FailureKind.OVERLOADED),
    ],
)
@CODECS
def test_the_status_decides_before_any_words(codec: Codec, status: int, kind: FailureKind) -> None:
    body = b'{"error": {"type": "invalid_request_error", "message": "m"}}'
    failure = codec.read_error(status, body)
    assert (failure.kind, failure.status, failure.message) == (kind, status, "m")


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"error": {"message": "m", "code": "invalid_api_key"}}, "m", "invalid_api_key"),
        ({"error": {"message": "m", "code": 401}}, "m", "401"),
        ({"error": {"message": "m", "type": "t", "code": None}}, "m", "t"),
        ({"type": "error", "error": {"type": "t", "message": "m"}}, "m", "t"),
        ({"error": "m"}, "m", None),
        ({"detail": "m"}, "m", None),
        ({"detail": [{"loc": ["body"], "msg": "m"}]}, "m", None),
        ({"object": "error", "message": "m", "code": "40"}, "m", "40"),
        ([{"error": {"message": "m", "code": 7}}], "m", "7"),
    ],
)
@CODECS
def test_every_shape_of_error_is_understood(
    codec: Codec, body: Any, message: str, code: str | None
) -> None:
    failure = codec.read_error(400, json.dumps(body).encode())
    assert (failure.message, failure.code) == (message, code)


@CODECS
def test_a_page_of_html_is_not_shown_to_the_client(codec: Codec) -> None:
    status, body = passthrough(codec).error(503, b"<html>secret internals</html>")
    assert status == 503
    assert codec.is_own_error(body)
    assert b"secret" not in body


@pytest.mark.parametrize(
    ("codec", "body"),
    [
        (CHAT, b'{"error": {"message": "m", "odd": [1,  2]}}'),
        (MESSAGES, b'{"type":"error","error":{"type":"t","message":"m"},"request_id":"r"}'),
    ],
)
def test_an_error_of_the_format_is_relayed_word_for_word(codec: Codec, body: bytes) -> None:
    assert passthrough(codec).error(429, body) == (429, body)


@pytest.mark.parametrize(("codec", "told"), [(CHAT, 503), (MESSAGES, 529)])
def test_529_stays_for_messages_clients_and_is_503_for_chat_clients(
    codec: Codec, told: int
) -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    assert passthrough(codec).error(529, body)[0] == told


@pytest.mark.parametrize("status", [301, 200, 304, 100, 600])
@CODECS
def test_redirects_and_odd_statuses_become_502(codec: Codec, status: int) -> None:
    assert passthrough(codec).error(status, b"moved")[0] == 502


def test_errors_cross_between_formats() -> None:
    overloaded = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    status, body = chat_to_messages().error(529, overloaded)
    assert (status, json.loads(body)["error"]["message"]) == (503, "Overloaded")
    limited = b'{"error":{"message":"Slow down","type":"tokens","code":"rate_limit_exceeded"}}'
    status, body = messages_to_chat().error(429, limited)
    assert status == 429
    assert json.loads(body) == {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "Slow down"},
    }


@pytest.mark.parametrize("kind", list(FailureKind))
@CODECS
def test_every_kind_of_failure_has_a_shape_in_every_format(codec: Codec, kind: FailureKind) -> None:
    status, body = passthrough(codec).failure(Failure(kind, "m", 503, code="c", param="p"))
    assert status == 503
    assert codec.is_own_error(body)


def test_chat_errors_name_the_field_and_the_code() -> None:
    failure = Failure(FailureKind.UNSUPPORTED, "seed: no", 400, "unsupported_parameter", "seed")
    assert json.loads(CHAT.write_error(failure))["error"] == {
        "message": "seed: no",
        "type": "invalid_request_error",
        "param": "seed",
        "code": "unsupported_parameter",
    }


def test_a_passing_error_object_in_a_200_takes_its_status_from_its_words() -> None:
    coded = CHAT.read_error(200, b'{"error": {"message": "m", "code": "429"}}')
    assert coded.status == 429
    typed = CHAT.read_error(200, b'{"error": {"message": "m", "type": "overloaded_error"}}')
    assert typed.status == 529
    assert CHAT.read_error(200, b'{"error": {"message": "m"}}').status == 502

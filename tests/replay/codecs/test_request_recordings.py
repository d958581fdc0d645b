"""Requests that real clients sent, read and written again."""

from typing import Any

import msgspec
import pytest
from replay.codecs.normal_forms import chat_form, messages_form
from replay.codecs.recorded import codec_of, head_of, other_codec, recordings
from support.corpus import Exchange, cases

from tollway_router.canonical.failure import Failure, FailureKind, RequestRefused
from tollway_router.codecs.codec import Quirks, Target
from tollway_router.codecs.exchange import Exchange as Exchanged
from tollway_router.codecs.exchange import plan

pytestmark = pytest.mark.corpus

# Sent to see a provider refuse it.
INVALID = {"ant-u-3135b6cbac": "messages[0]"}


def requests() -> list[Exchange]:
    return [
        one for one in recordings() if isinstance(one.request_body, dict) and one.id not in INVALID
    ]


def quirks_of(body: dict[str, Any]) -> Quirks:
    """An upstream that takes what the recorded one took."""
    details = any("reasoning_details" in m for m in body["messages"] if isinstance(m, dict))
    return Quirks(
        reasoning_request="reasoning" if "reasoning" in body else "reasoning_effort",
        signed_reasoning="reasoning_details" if details else "thinking_blocks",
        cache_control=True,
        top_k=True,
        prefill=True,
        system_in_messages=True,
    )


@pytest.mark.parametrize("exchange", cases(iter(requests())))
def test_a_request_reads_and_writes_back_to_the_same_meaning(exchange: Exchange) -> None:
    codec, head = codec_of(exchange), head_of(exchange)
    target = Target(head.model, quirks=quirks_of(exchange.request_body))
    written, dropped = codec.write_request(codec.read_request(head), target)
    written = msgspec.json.decode(msgspec.json.encode(written))
    form = chat_form if codec.name == "openai-chat" else messages_form
    assert form(written) == form(exchange.request_body)
    assert dropped == ()


@pytest.mark.parametrize("exchange", cases(iter(requests())))
def test_signed_reasoning_of_a_past_turn_goes_back_unmodified(exchange: Exchange) -> None:
    codec, head = codec_of(exchange), head_of(exchange)
    target = Target(head.model, quirks=quirks_of(exchange.request_body))
    written, _ = codec.write_request(codec.read_request(head), target)
    written = msgspec.json.decode(msgspec.json.encode(written))
    assert signatures(written) == signatures(exchange.request_body)


def signatures(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["signature"]] if isinstance(value.get("signature"), str) else []
        return own + [s for inner in value.values() for s in signatures(inner)]
    return [s for inner in value for s in signatures(inner)] if isinstance(value, list) else []


def translated(exchange: Exchange, target: Target) -> Exchanged | Failure:
    try:
        return plan(codec_of(exchange), other_codec(exchange), head_of(exchange), target)
    except RequestRefused as refused:
        return refused.failure


@pytest.mark.parametrize("exchange", cases(iter(requests())))
def test_a_request_is_translated_or_refused_by_the_name_of_a_field(exchange: Exchange) -> None:
    made = translated(exchange, Target("m"))
    if isinstance(made, Failure):
        assert made.kind is FailureKind.UNSUPPORTED
        assert made.status == 400
        assert made.param in made.message
        assert_names_a_field(made.param, exchange.request_body)
        return
    # What was written is a request that the other format accepts.
    upstream = other_codec(exchange)
    upstream.read_request(upstream.read_head(made.body))


def assert_names_a_field(param: str | None, body: dict[str, Any]) -> None:
    """The field is there in the client's own request."""
    value: Any = body
    for step in (param or "").replace("[", ".[").split("."):
        if step.startswith("["):
            value = value[int(step[1:-1])]
        else:
            assert step in value, f"{param} is not a field of the request"
            value = value[step]


@pytest.mark.parametrize("exchange", cases(iter(requests())))
def test_where_dropping_is_on_nothing_is_refused_and_every_loss_is_named(
    exchange: Exchange,
) -> None:
    strict = translated(exchange, Target("m"))
    lenient = translated(exchange, Target("m", on_unsupported="drop"))
    assert not isinstance(lenient, Failure)
    if isinstance(strict, Failure):
        assert strict.param in lenient.dropped
    else:
        assert lenient.dropped == strict.dropped
        assert lenient.body == strict.body


@pytest.mark.parametrize("exchange", cases(iter(requests())))
def test_patching_changes_the_model_and_leaves_every_other_value_verbatim(
    exchange: Exchange,
) -> None:
    codec, head = codec_of(exchange), head_of(exchange)
    patched = msgspec.json.decode(
        codec.patch_request(head, Target("upstream-model")), type=dict[str, msgspec.Raw]
    )
    assert bytes(patched.pop("model")) == b'"upstream-model"'
    given = {name: bytes(raw) for name, raw in head.fields.items() if name != "model"}
    if codec.name == "openai-chat" and head.stream:
        given.pop("stream_options", None)
        assert b'"include_usage":' in bytes(patched.pop("stream_options"))
    assert {name: bytes(raw) for name, raw in patched.items()} == given
    assert list(patched) == list(given)


@pytest.mark.parametrize("exchange", cases(iter(requests())))
def test_the_extent_of_a_request_counts_its_text_and_not_its_pictures(
    exchange: Exchange,
) -> None:
    codec = codec_of(exchange)
    chars = plan(codec, codec, head_of(exchange), Target("m")).input_chars
    assert 0 < chars <= len(exchange.request_bytes())


@pytest.mark.parametrize("exchange", cases(one for one in recordings() if one.id in INVALID))
def test_a_request_that_breaks_its_format_is_refused_by_the_name_of_the_field(
    exchange: Exchange,
) -> None:
    with pytest.raises(RequestRefused) as refused:
        codec_of(exchange).read_request(head_of(exchange))
    assert refused.value.failure.kind is FailureKind.INVALID_REQUEST
    assert refused.value.failure.param == INVALID[exchange.id]

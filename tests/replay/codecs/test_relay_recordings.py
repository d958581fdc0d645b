"""Answers of real providers, relayed between two ends of one format."""

import json
from typing import Any

import pytest
from replay.codecs.recorded import codec_of, head_of, pieces, recordings
from support.corpus import Exchange, cases

from tollway_router.canonical.usage import (
    INPUT_METERS,
    OUTPUT_METERS,
    UsageReport,
    total,
)
from tollway_router.codecs.codec import StreamPath, Target
from tollway_router.codecs.exchange import plan

pytestmark = pytest.mark.corpus

TARGET = Target("upstream-model")
SMALL = 6_000
# Their streams carry an error where the end should be.
BROKEN_STREAMS = {"oac-s-47b3d922c7", "oac-s-800501cacf"}
# Chat usage that does not add up as the provider stated it: a cached preamble beside the prompt,
# pictures read from the cache, the same tokens read and written, reasoning beyond the output.
BESIDE = ("cached_exceeds_input", "cached_beside_input")
OVERLAP = ("modalities_overlap_cache",)
FLAGGED = {
    "az-u-331a22fe9a": BESIDE,
    "az-u-55c349f94a": BESIDE,
    "az-u-5db8701113": BESIDE,
    "az-u-7aa75bc901": OVERLAP,
    "az-u-a45108f90c": OVERLAP,
    "oac-u-6e78d2bfe0": ("cache_read_and_written",),
    "oac-s-47b3d922c7": ("reasoning_exceeds_output",),
}


def streamed() -> list[Exchange]:
    return [one for one in recordings() if one.is_event_stream]


def whole() -> list[Exchange]:
    return [one for one in recordings() if one.status < 400 and not one.is_event_stream]


def refused() -> list[Exchange]:
    return [one for one in recordings() if one.status >= 400]


def relayed(exchange: Exchange, size: int) -> tuple[bytes, StreamPath]:
    codec = codec_of(exchange)
    path = plan(codec, codec, head_of(exchange), TARGET).stream()
    sent = b"".join([path.feed(piece) for piece in pieces(exchange.body_bytes(), size)])
    return sent + path.end(), path


def expected_bytes(exchange: Exchange) -> bytes:
    """The recording without the usage chunk that its client did not ask for."""
    body = exchange.body_bytes()
    if codec_of(exchange).name != "openai-chat" or head_of(exchange).wants_stream_usage:
        return body
    blocks = body.decode().split("\n\n")
    return "\n\n".join(block for block in blocks if not is_usage_only(block)).encode()


def is_usage_only(block: str) -> bool:
    if not block.startswith("data: {"):
        return False
    value = json.loads(block.removeprefix("data: "))
    return value.get("choices") == [] and isinstance(value.get("usage"), dict)


@pytest.mark.parametrize("exchange", cases(iter(streamed())))
def test_a_relayed_stream_stays_byte_for_byte_however_it_is_cut(exchange: Exchange) -> None:
    expected = expected_bytes(exchange)
    sizes = [7, 64, 1 << 20]
    if len(exchange.body_bytes()) <= SMALL:
        sizes.append(1)
    for size in sizes:
        sent, _ = relayed(exchange, size)
        assert sent == expected


@pytest.mark.parametrize("exchange", cases(iter(streamed())))
def test_a_relayed_stream_tells_how_it_ended_and_who_answered(exchange: Exchange) -> None:
    _, path = relayed(exchange, 64)
    assert (path.failure is not None) == (exchange.id in BROKEN_STREAMS)
    assert path.finished or path.failure is not None
    assert path.response_model


def last_usage(exchange: Exchange) -> dict[str, Any] | None:
    """The recorded usage by the documented rules: cumulative, field by field at Anthropic, the
    last object elsewhere."""
    seen: list[dict[str, Any]] = []
    for line in exchange.body_bytes().decode().splitlines():
        if line.startswith("data: {"):
            seen += usage_objects(json.loads(line.removeprefix("data: ")))
    if codec_of(exchange).name == "openai-chat":
        return seen[-1] if seen else None
    merged: dict[str, Any] = {}
    for usage in seen:
        merged.update({k: v for k, v in usage.items() if v is not None})
    return merged or None


def usage_objects(value: dict[str, Any]) -> list[dict[str, Any]]:
    places = [value.get("x_groq"), value.get("message"), value]
    found = [place.get("usage") for place in places if isinstance(place, dict)]
    return [usage for usage in found if isinstance(usage, dict)]


@pytest.mark.parametrize("exchange", cases(iter(streamed())))
def test_usage_of_a_stream_is_what_the_provider_said_last(exchange: Exchange) -> None:
    _, path = relayed(exchange, 64)
    expected = last_usage(exchange)
    if expected is None:
        assert path.usage is None
        return
    assert path.usage is not None
    assert path.usage.raw == expected
    check_meters(exchange, path.usage)


@pytest.mark.parametrize("exchange", cases(iter(whole())))
def test_a_whole_answer_is_relayed_as_it_is_and_its_usage_read(exchange: Exchange) -> None:
    codec = codec_of(exchange)
    body = exchange.body_bytes()
    answer = plan(codec, codec, head_of(exchange), TARGET).answer(body)
    assert answer.body == body
    assert answer.failure is None
    assert answer.usage is not None
    assert answer.usage.raw == exchange.response_body["usage"]
    assert codec.read_usage(body, TARGET) == answer.usage
    check_meters(exchange, answer.usage)


def check_meters(exchange: Exchange, usage: UsageReport) -> None:
    """Meters never overlap or go below zero, and add up to what the provider stated."""
    meters, raw = usage.meters, usage.raw
    assert all(isinstance(count, int) and count >= 0 for count in meters.values())
    if "reasoning_exceeds_output" not in usage.flags:
        assert meters.get("reasoning", 0) <= total(meters, OUTPUT_METERS)
    if codec_of(exchange).name == "anthropic-messages":
        assert meters["input_uncached"] == raw["input_tokens"]
        assert meters.get("cache_read") == raw.get("cache_read_input_tokens")
        assert total(meters, ("cache_write_5m", "cache_write_1h")) == (
            raw.get("cache_creation_input_tokens") or 0
        )
        assert meters["output"] == raw["output_tokens"]
        assert ("usage_iterations" in usage.flags) == bool(raw.get("iterations"))
        return
    assert usage.flags == FLAGGED.get(exchange.id, ())
    if usage.flags not in ((), OVERLAP, ("reasoning_exceeds_output",)):
        assert meters["input_uncached"] <= raw["prompt_tokens"]
        return
    assert total(meters, INPUT_METERS) == raw["prompt_tokens"]
    if raw.get("total_tokens"):
        assert total(meters, INPUT_METERS + OUTPUT_METERS) == raw["total_tokens"]


@pytest.mark.parametrize("exchange", cases(iter(refused())))
def test_a_refusal_reaches_the_client_in_its_own_shape(exchange: Exchange) -> None:
    codec = codec_of(exchange)
    body = exchange.body_bytes()
    status, sent = plan(codec, codec, head_of(exchange), TARGET).error(exchange.status, body)
    assert status == exchange.status
    assert codec.is_own_error(sent)
    if codec.is_own_error(body):
        assert sent == body
    failure = codec.read_error(exchange.status, body)
    assert failure.status == exchange.status
    assert failure.message

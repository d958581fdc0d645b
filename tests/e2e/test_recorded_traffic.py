"""Every recorded exchange of the two specs goes through a running router, by both surfaces.

By its own format the client gets what the provider sent, byte for byte. By the other format it gets
an answer that the vendor's SDK takes, or a refusal that names a field. Either way the metered usage
is the provider's own.
"""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter
from support.corpus import Exchange, corpus_dir, exchanges

PATHS = {"anthropic": "/v1/messages", "openai-chat-completions": "/v1/chat/completions"}
DIALECTS = {"anthropic": "messages", "openai-chat-completions": "chat-completions"}
OTHER = {"anthropic": "openai-chat-completions", "openai-chat-completions": "anthropic"}
AT_ONCE = 8

pytestmark = pytest.mark.skipif(
    corpus_dir() is None and os.environ.get("CI") != "true",
    reason="the recorded traffic is not in ../shared/corpus",
)


def recorded() -> Iterator[Exchange]:
    for spec, dialect in DIALECTS.items():
        yield from exchanges(spec=spec, dialect=dialect)


@dataclass(frozen=True)
class Replayed:
    """An exchange, what the client got, and what was metered for it."""

    exchange: Exchange
    status: int
    body: bytes
    content_type: str
    items: list[dict[str, Any]]


@pytest.fixture(scope="module")
async def place(new_workspace):
    """A model for each exchange, whose provider is the simulator's replay of it."""
    workspace = await new_workspace("recorded")
    gate = asyncio.Semaphore(AT_ONCE)

    async def set_up(exchange: Exchange) -> None:
        async with gate:
            await workspace.create(
                "providers",
                exchange.id,
                spec=exchange.spec,
                base_url=f"{workspace.addresses.simulator}/x/{exchange.id}",
                credential="simulator",
            )
            await workspace.model(exchange.id, exchange.id, "recorded-model")

    every = list(recorded())
    await asyncio.gather(*(set_up(exchange) for exchange in every))
    key = await workspace.key()
    await workspace.routed(key, *(exchange.id for exchange in every))
    return workspace, key


@pytest.fixture(scope="module")
async def same_format(place) -> dict[str, Replayed]:
    """All exchanges, each asked for in its own format."""
    return await _replay_all(place, lambda exchange: (exchange.spec, _own_request(exchange)))


@pytest.fixture(scope="module")
async def other_format(place) -> dict[str, Replayed]:
    """All exchanges, each asked for in the other format by a plain request."""
    return await _replay_all(
        place, lambda exchange: (OTHER[exchange.spec], _plain_request(exchange))
    )


async def _replay_all(place, request_of) -> dict[str, Replayed]:
    workspace, key = place
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx2.AsyncClient(timeout=60) as client:

        async def replay(exchange: Exchange) -> Replayed:
            surface, body = request_of(exchange)
            async with gate:
                answer = await client.post(
                    workspace.addresses.router + PATHS[surface],
                    json=body,
                    headers={"authorization": f"Bearer {key}"},
                )
                items = await workspace.usage(answer.headers["x-tollway-request-id"])
            content_type = answer.headers["content-type"]
            return Replayed(exchange, answer.status_code, answer.content, content_type, items)

        results = await asyncio.gather(*(replay(exchange) for exchange in recorded()))
    return {result.exchange.id: result for result in results}


def _own_request(exchange: Exchange) -> dict[str, Any]:
    if exchange.request_body is None:
        return _plain_request(exchange)
    return {**exchange.request_body, "model": exchange.id, "stream": exchange.streaming}


def _plain_request(exchange: Exchange) -> dict[str, Any]:
    return {
        "model": exchange.id,
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 100,
        "stream": exchange.streaming,
    }


@pytest.mark.parametrize("name", [exchange.id for exchange in recorded()])
async def test_the_same_format_is_relayed_byte_for_byte(same_format, name):
    replayed = same_format[name]
    exchange = replayed.exchange
    assert replayed.status == exchange.status
    sent = exchange.body_bytes()
    if not exchange.streaming or exchange.encoding == "json":
        assert json.loads(replayed.body) == json.loads(sent)
        return
    if exchange.spec == "openai-chat-completions" and not _asks_for_usage(exchange):
        sent = _without_usage_chunk(sent)
        assert _events(_without_usage_chunk(replayed.body)) == _events(sent)
        return
    assert replayed.body == sent


@pytest.mark.parametrize("name", [exchange.id for exchange in recorded()])
async def test_usage_by_the_same_format_is_the_provider_s_own(same_format, name):
    _check_usage(same_format[name])


@pytest.mark.parametrize("name", [exchange.id for exchange in recorded()])
async def test_usage_by_the_other_format_is_the_provider_s_own(other_format, name):
    _check_usage(other_format[name])


@pytest.mark.parametrize("name", [exchange.id for exchange in recorded()])
async def test_the_other_format_is_taken_by_its_sdk(other_format, name):
    replayed = other_format[name]
    exchange = replayed.exchange
    if exchange.status >= 400:
        assert replayed.status == exchange.status
        assert json.loads(replayed.body)["error"]["message"]
        return
    assert replayed.status == 200, replayed.body
    _check_by_sdk(OTHER[exchange.spec], replayed)


def _check_usage(replayed: Replayed) -> None:
    (item,) = replayed.items
    stated = _stated_usage(replayed.exchange)
    if replayed.exchange.status >= 400:
        assert (item["meters"], item["raw_usage"], item["estimated"]) == ({}, None, False)
        return
    if stated is None:
        assert item["estimated"]
        assert item["raw_usage"] is None
        return
    if item["estimated"]:  # translating stopped at what cannot be translated, before the end
        assert item["outcome"] == "upstream_failed"
        return
    assert item["outcome"] in {"ok", "upstream_failed"}
    assert stated.items() <= item["raw_usage"].items()
    _check_meters(replayed.exchange, stated, item)


def _stated_usage(exchange: Exchange) -> dict[str, Any] | None:
    """The provider's last word on each field, where it said any."""
    merged: dict[str, Any] = {}
    for stated in exchange.usage:
        usage = stated.get("usage", stated)  # Groq's stands one level deeper, in `x_groq`
        if exchange.spec == "openai-chat-completions":
            merged = dict(usage) if usage else merged
        else:
            merged |= {name: value for name, value in usage.items() if value is not None}
    return merged or None


def _check_meters(exchange: Exchange, stated: dict[str, Any], item: dict[str, Any]) -> None:
    """The meters add up to the provider's totals, counted here in another way."""
    meters = item["meters"]
    read_in = sum(
        meters.get(name, 0)
        for name in (
            "input_uncached",
            "cache_read",
            "cache_write_5m",
            "cache_write_1h",
            "input_audio",
            "input_image",
        )
    )
    put_out = sum(meters.get(name, 0) for name in ("output", "output_audio", "output_image"))
    if exchange.spec == "anthropic":
        cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
        assert read_in == stated["input_tokens"] + sum(stated.get(name) or 0 for name in cached)
        assert put_out == stated["output_tokens"] or item["estimated"]
        return
    if not item["flags"]:
        assert read_in == int(stated.get("prompt_tokens") or 0)
    total = int(stated.get("total_tokens") or 0)
    told = {int(stated.get("completion_tokens") or 0), total - read_in}
    assert put_out in told or (item["estimated"] and put_out > max(told))


def _asks_for_usage(exchange: Exchange) -> bool:
    options = (exchange.request_body or {}).get("stream_options") or {}
    return bool(options.get("include_usage"))


def _events(body: bytes) -> list[bytes]:
    return [part for part in body.replace(b"\r\n", b"\n").split(b"\n\n") if part.strip()]


def _without_usage_chunk(body: bytes) -> bytes:
    """Drop the chunk that has usage and no choice: it is not the client's, who did not ask."""
    return b"\n\n".join(event for event in _events(body) if not _is_usage_chunk(event))


def _is_usage_chunk(event: bytes) -> bool:
    data = event.partition(b"data:")[2].strip()
    try:
        chunk = json.loads(data)
    except ValueError:
        return False
    return isinstance(chunk, dict) and bool(chunk.get("usage")) and chunk.get("choices") == []


def _check_by_sdk(surface: str, replayed: Replayed) -> None:
    if not replayed.content_type.startswith("text/event-stream"):
        _SDK[surface].whole(json.loads(replayed.body))
        return
    for event in _events(replayed.body):
        data = event.partition(b"data:")[2].strip()
        if data and data != b"[DONE]":
            _SDK[surface].chunk(json.loads(data))


@dataclass(frozen=True)
class _Sdk:
    whole: Any
    chunk: Any


def _unless_error(check: Any) -> Any:
    return lambda data: data if data.get("type") == "error" or "error" in data else check(data)


_SDK = {
    "anthropic": _Sdk(
        Message.model_validate,
        _unless_error(TypeAdapter(RawMessageStreamEvent).validate_python),
    ),
    "openai-chat-completions": _Sdk(
        ChatCompletion.model_validate, _unless_error(ChatCompletionChunk.model_validate)
    ),
}

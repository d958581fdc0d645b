"""Builders of usage, prices and records, of which a test names only what it is about."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from tollway_contracts.vocabulary import Meter, Outcome
from tollway_metering.rating import PriceRow, Usage

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def usage() -> Callable[..., Usage]:
    numbers = itertools.count(1)

    def build(meters: dict[str, int] | None = None, **fields: Any) -> Usage:
        stated = {Meter(name): count for name, count in (meters or {}).items()}
        defaults: dict[str, Any] = {
            "id": f"use_{next(numbers):06}",
            "workspace": "acme",
            "model": "chat",
            "deployment": "chat-a",
            "provider": "house",
            "api_key": "search",
            "cost_centre": None,
            "outcome": Outcome.OK,
            "occurred_at": NOW,
            "meters": stated,
        }
        return Usage(**{**defaults, **fields})

    return build


@pytest.fixture(scope="session")
def price() -> Callable[..., PriceRow]:
    numbers = itertools.count(1)

    def build(meter: str, usd: str, per_units: int = 1_000_000, **fields: Any) -> PriceRow:
        number = next(numbers)
        defaults: dict[str, Any] = {
            "id": number,
            "price_id": f"prc_{number}",
            "revision": 1,
            "deployment": None,
            "meter": Meter(meter),
            "usd": Decimal(usd),
            "per_units": per_units,
            "valid_from": LONG_AGO,
            "valid_to": None,
            "recorded_at": LONG_AGO,
        }
        return PriceRow(**{**defaults, **fields})

    return build


@pytest.fixture(scope="session")
def record() -> Callable[..., ConsumerRecord]:
    def build(
        value: bytes | dict[str, Any] | None,
        *,
        key: bytes | None = b"key",
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> ConsumerRecord:
        body = json.dumps(value).encode() if isinstance(value, dict) else value
        return ConsumerRecord("topic", 0, 0, 0, 0, key, body, None, 3, len(body or b""), headers)

    return build


@pytest.fixture
def event() -> dict[str, Any]:
    """A usage event as its record's body has it."""
    return {
        "id": "use_1",
        "producer": "rtr_1",
        "epoch": 1,
        "sequence": 1,
        "workspace": "acme",
        "request_id": "req_1",
        "attempt": 1,
        "occurred_at": "2026-07-01T12:00:00Z",
        "ended_at": "2026-07-01T12:00:01Z",
        "surface": "chat-completions",
        "spec": "openai-chat-completions",
        "model": "chat",
        "deployment": "chat-a",
        "provider": "house",
        "upstream_model": "house-1",
        "api_key_id": "key_1",
        "api_key": "search",
        "streamed": False,
        "outcome": "ok",
        "raw_usage": {"prompt_tokens": 10},
        "meters": {"input_uncached": 10},
    }

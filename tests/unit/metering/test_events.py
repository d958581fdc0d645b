"""Records are read one by one; what cannot be read says why and does not show what it holds."""

import json

import pytest

from tollway_contracts.resources import Price
from tollway_metering.events import PriceRemoved, Unreadable, read_price, read_usage

PRICE = {
    "resource": "price",
    "id": "prc_1",
    "workspace": "acme",
    "name": "chat-2026",
    "revision": 2,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "model": "chat",
    "valid_from": "2026-01-01T00:00:00Z",
    "usd_per_mtok": {"input": "0.25"},
}


def test_the_providers_usage_object_is_kept_word_for_word(record, event):
    raw = '{"b": 1.0,"a":1e3, "big": 123456789012345678901234567890, "é":"\\u0000\\ud83d\\ude00"}'
    body = json.dumps({**event, "raw_usage": "HERE"}).replace('"HERE"', raw)
    assert read_usage(record(body.encode())).raw_usage == raw


def test_usage_in_camel_case_and_with_newer_fields_is_understood(record, event):
    camel = {**event, "newField": 1}
    camel["rawUsage"] = camel.pop("raw_usage")
    measured = read_usage(record(camel))
    assert measured.raw_usage == '{"prompt_tokens": 10}'
    assert measured.usage.meters == {"input_uncached": 10}


@pytest.mark.parametrize("raw", [{"raw_usage": None}, {}])
def test_a_provider_that_told_nothing_has_no_usage_object(record, event, raw):
    del event["raw_usage"]
    assert read_usage(record({**event, **raw})).raw_usage is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "no body"),
        (b"", "EOF"),
        (b"{", "EOF"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "body"),
        (b'"text"', "body"),
    ],
)
def test_what_is_no_usage_event_is_unreadable(record, body, reason):
    with pytest.raises(Unreadable, match=reason):
        read_usage(record(body))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("meters", {"input_uncached": -1}),
        ("meters", {"input_uncached": 1.5}),
        ("meters", {"input_uncached": 2**63}),
        ("meters", {"a_new_meter": 1}),
        ("outcome", "sideways"),
        ("occurred_at", "2026-07-01T12:00:00"),
        ("workspace", "Acme!"),
        ("model", ""),
        ("raw_usage", {"n": "SECRET"} | {"deep": float("nan")}),
    ],
)
def test_a_field_that_does_not_fit_is_named_and_its_value_is_not(record, event, field, value):
    with pytest.raises(Unreadable) as caught:
        read_usage(record({**event, field: value}))
    assert field in str(caught.value) or "not JSON" in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_an_event_of_another_type_is_no_usage(record, event):
    with pytest.raises(Unreadable, match="type"):
        read_usage(record(event, headers=(("ce_type", b"tollway.heartbeat.v1"),)))


def test_a_header_that_is_no_text_does_not_disturb(record, event):
    assert read_usage(record(event, headers=(("x", b"\xff\xfe"),))).event.id == "use_1"


def test_a_null_character_from_a_client_does_not_keep_usage_from_being_charged(record, event):
    measured = read_usage(record({**event, "cost_centre": "a\0b"}))
    assert measured.usage.cost_centre == "a\ufffdb"


def test_a_price_is_read_and_other_resources_are_passed_over(record):
    price = read_price(record(PRICE))
    assert isinstance(price, Price)
    assert price.revision == 2
    model = {k: PRICE[k] for k in ("id", "workspace", "revision", "created_at", "updated_at")}
    assert read_price(record({**model, "resource": "model", "name": "chat"})) is None


def test_a_tombstone_is_the_end_of_what_its_key_names(record):
    assert read_price(record(None, key=b"acme/prc_1")) == PriceRemoved("acme", "prc_1")
    assert read_price(record(None, key=None)) == PriceRemoved("", "")
    assert read_price(record(None, key=b"\xff")) == PriceRemoved("\ufffd", "")


def test_a_price_that_makes_no_sense_is_unreadable(record):
    with pytest.raises(Unreadable, match="usd_per_mtok"):
        read_price(record({**PRICE, "usd_per_mtok": {"input": "-1"}}))

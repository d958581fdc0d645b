"""What a specification must obey by itself."""

from typing import Any

import pytest

from tollway_contracts.resources import ModelSpec, PriceSpec, ProviderSpec, WorkspaceSpec
from tollway_contracts.vocabulary import Spec
from tollway_kit.errors import Invalid
from tollway_registry.kinds import MODEL, PRICE
from tollway_registry.rules import (
    CREDENTIAL_HEADERS,
    ROUTER_HEADERS,
    SPECS_WITH_DEFAULT_ADDRESS,
    check_change,
    check_spec,
    fallback_cycle,
)


def provider(**fields: Any) -> ProviderSpec:
    defaults = {"spec": "openai-responses", "base_url": "https://llm.acme.io"}
    return ProviderSpec.model_validate(defaults | fields)


def price(**fields: Any) -> PriceSpec:
    defaults = {"model": "m", "valid_from": "2026-01-01T00:00:00Z", "usd_per_mtok": {"input": 1}}
    return PriceSpec.model_validate(defaults | fields)


@pytest.mark.parametrize("spec", sorted(SPECS_WITH_DEFAULT_ADDRESS))
def test_a_custom_provider_of_a_spec_with_a_public_address_needs_its_own(spec: Spec) -> None:
    with pytest.raises(Invalid, match="base_url"):
        check_spec("p", provider(spec=spec, base_url=None))
    check_spec("p", provider(spec=spec, base_url=None, origin="native"))


@pytest.mark.parametrize("spec", sorted(set(Spec) - SPECS_WITH_DEFAULT_ADDRESS))
def test_a_spec_whose_address_follows_from_options_needs_none(spec: Spec) -> None:
    check_spec("p", provider(spec=spec, base_url=None))


@pytest.mark.parametrize("name", sorted(CREDENTIAL_HEADERS))
def test_a_header_that_carries_keys_is_refused_in_any_case(name: str) -> None:
    for written in (name, name.upper(), name.title()):
        with pytest.raises(Invalid, match="credential") as refusal:
            check_spec("p", provider(headers={written: "sk-secret"}))
        assert "sk-secret" not in refusal.value.detail


@pytest.mark.parametrize("name", sorted(ROUTER_HEADERS))
def test_a_header_that_frames_the_message_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="router sets"):
        check_spec("p", provider(headers={name: "x"}))


@pytest.mark.parametrize("name", ["", "a b", "a:", "ä", "a\r\nb", "a\n", "a,b", "(a)"])
def test_what_is_no_header_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        check_spec("p", provider(headers={name: "x"}))


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\n", " a", "a\t", "ü", "\x7f", "\0"])
def test_what_is_no_header_value_is_refused(value: str) -> None:
    with pytest.raises(Invalid, match="value"):
        check_spec("p", provider(headers={"x-team": value}))


def test_a_header_is_given_once() -> None:
    with pytest.raises(Invalid, match="twice"):
        check_spec("p", provider(headers={"X-Team": "a", "x-team": "b"}))


def test_ordinary_headers_pass() -> None:
    check_spec(
        "p", provider(headers={"X-Team": "search and ads", "anthropic-beta": "a,b", "e": ""})
    )


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_timezones_of_the_iana_database_pass(timezone: str) -> None:
    check_spec("w", WorkspaceSpec(timezone=timezone))


@pytest.mark.parametrize(
    "timezone", ["", "Europe", "Mars/Base", "../../etc/passwd", "/etc", "a\0b"]
)
def test_other_timezones_are_refused(timezone: str) -> None:
    with pytest.raises(Invalid, match="timezone"):
        check_spec("w", WorkspaceSpec(timezone=timezone))


def test_a_price_keeps_what_was_charged_by() -> None:
    before = price()
    for after in (
        price(usd_per_mtok={"input": 2}),
        price(usd_per_mtok={"input": 1, "output": 1}),
        price(model="n"),
        price(deployment="d"),
        price(valid_from="2026-01-02T00:00:00Z"),
    ):
        with pytest.raises(Invalid, match="new price row"):
            check_change(PRICE, before, after)
    check_change(PRICE, before, price(note="n", valid_to="2027-01-01T00:00:00Z"))


def test_other_kinds_change_freely() -> None:
    check_change(MODEL, ModelSpec(), ModelSpec(premium=True, fallbacks=("a",)))


def test_a_way_back_to_the_start_is_found() -> None:
    fallbacks = {"a": ["x", "b"], "b": ["c"], "c": ["y", "a"], "x": ["y"]}
    assert fallback_cycle(fallbacks, "a") == ["a", "b", "c", "a"]
    assert fallback_cycle(fallbacks, "x") is None
    assert fallback_cycle({}, "a") is None


def test_a_circle_elsewhere_is_not_walked_for_ever() -> None:
    assert fallback_cycle({"a": ["b"], "b": ["c"], "c": ["b"]}, "a") is None


def test_many_ways_to_the_same_models_are_walked_once() -> None:
    layers = 60
    fallbacks = {
        f"{layer}{side}": [f"{layer + 1}l", f"{layer + 1}r"]
        for layer in range(layers)
        for side in "lr"
    }
    assert fallback_cycle(fallbacks, "0l") is None

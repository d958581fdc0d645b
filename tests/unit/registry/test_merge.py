"""Merge patches of specifications."""

from typing import Any

import pytest

from tollway_contracts.resources import ApiKeySpec, ModelSpec, PriceSpec, ProviderSpec
from tollway_registry.merge import merged

PROVIDER = ProviderSpec.model_validate(
    {
        "spec": "azure",
        "options": {"resourceName": "acme", "nested": {"a": 1, "b": [1, 2]}},
        "headers": {"x-team": "search"},
    }
)


def _options(patch: dict[str, Any]) -> Any:
    return merged(PROVIDER, {"options": patch}, ProviderSpec)["options"]


@pytest.mark.parametrize(
    ("patch", "result"),
    [
        ({}, {"resourceName": "acme", "nested": {"a": 1, "b": [1, 2]}}),
        ({"resourceName": None}, {"nested": {"a": 1, "b": [1, 2]}}),
        ({"nested": None}, {"resourceName": "acme"}),
        ({"nested": {"a": None}}, {"resourceName": "acme", "nested": {"b": [1, 2]}}),
        ({"nested": {"b": [None]}}, {"resourceName": "acme", "nested": {"a": 1, "b": [None]}}),
        ({"nested": "text"}, {"resourceName": "acme", "nested": "text"}),
        (
            {"resourceName": {"deep": {"x": None, "y": 1}}},
            {"resourceName": {"deep": {"y": 1}}, "nested": {"a": 1, "b": [1, 2]}},
        ),
        ({"unknown": None}, {"resourceName": "acme", "nested": {"a": 1, "b": [1, 2]}}),
    ],
)
def test_objects_merge_as_the_rfc_says(patch: dict[str, Any], result: dict[str, Any]) -> None:
    assert _options(patch) == result


def test_the_specification_itself_stays_as_it_was() -> None:
    before = PROVIDER.model_copy(deep=True)
    _options({"nested": {"a": 2}, "new": 1})
    assert before == PROVIDER


def test_keys_that_the_workspace_chose_keep_their_case() -> None:
    spec = ApiKeySpec(tags={"costCentre": "1"})
    patch = {"tags": {"costCentre": "2", "cost_centre": "3"}}
    assert merged(spec, patch, ApiKeySpec)["tags"] == {"costCentre": "2", "cost_centre": "3"}


def test_fields_are_understood_in_both_cases_at_any_depth() -> None:
    price = PriceSpec.model_validate(
        {"model": "m", "valid_from": "2026-01-01T00:00:00Z", "usd_per_mtok": {"cache_read": 1}}
    )
    patch = {"usdPerMtok": {"cacheRead": None, "cacheWrite1H": "2"}, "valid_to": None}
    result = PriceSpec.model_validate(merged(price, patch, PriceSpec))
    assert result.usd_per_mtok.cache_read is None
    assert str(result.usd_per_mtok.cache_write_1h) == "2"


def test_a_field_that_does_not_exist_stays_for_validation_to_refuse() -> None:
    result = merged(ModelSpec(), {"colour": None, "capabilities": {"colour": None}}, ModelSpec)
    assert result["colour"] is None
    assert result["capabilities"]["colour"] is None  # type: ignore[index, call-overload]


def test_of_a_field_in_both_cases_the_second_stays_for_validation_to_refuse() -> None:
    result = merged(ModelSpec(), {"displayName": "a", "display_name": "b"}, ModelSpec)
    assert (result["displayName"], result["display_name"]) == ("a", "b")

"""list, get, create, update, delete."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

CREATIONS: list[tuple[list[str], dict[str, Any]]] = [
    (
        ["workspaces", "create", "acme", "--display-name", "Acme", "--no-custom-models"],
        {"name": "acme", "display_name": "Acme", "custom_models": "barred"},
    ),
    (
        [
            *["providers", "create", "house", "--spec", "openai-chat-completions"],
            *["--base-url", "https://llm.example.com/v1", "--credential", "house"],
            *["--header", "x-team=a=b", "--map", "gpt=house-2", "--option", "region=eu-1"],
            *["--option", 'deep={"a": [1, true]}', "--option", "version=2024-10-21"],
        ],
        {
            "name": "house",
            "spec": "openai-chat-completions",
            "base_url": "https://llm.example.com/v1",
            "credential": "house",
            "headers": {"x-team": "a=b"},
            "model_id_mapping": {"gpt": "house-2"},
            "options": {"region": "eu-1", "deep": {"a": [1, True]}, "version": "2024-10-21"},
        },
    ),
    (
        [
            *["models", "create", "org/house:1", "--kind", "completion", "--display-name", "H"],
            *["--context-window", "128000", "--max-output-tokens", "8192", "--no-tools"],
            *["--no-temperature", "--invisible", "--state", "maintenance", "--fallback", "b"],
        ],
        {
            "name": "org/house:1",
            "kind": "completion",
            "display_name": "H",
            "context_window": 128000,
            "max_output_tokens": 8192,
            "capabilities": {"tools": False, "temperature": False},
            "visibility": "invisible",
            "state": "maintenance",
            "fallbacks": ["b"],
        },
    ),
    (
        [
            *["deployments", "create", "house-a", "--model", "house", "--provider", "house"],
            *["--upstream-model", "h-1", "--weight", "3", "--priority", "0", "--credential", "c"],
            *["--tokens-per-minute", "200000", "--on-unsupported", "drop"],
        ],
        {
            "name": "house-a",
            "model": "house",
            "provider": "house",
            "upstream_model": "h-1",
            "weight": 3,
            "priority": 0,
            "credential": "c",
            "tokens_per_minute": 200000,
            "on_unsupported": "drop",
        },
    ),
    (
        [
            *["prices", "create", "p", "--model", "house", "--valid-from", "2026-01-01T00:00:00Z"],
            *["--input", "0.10", "--output", "2.00", "--cache-write-1h", "0.00000000000000000001"],
            *["--web-search", "0.010"],
        ],
        {
            "name": "p",
            "model": "house",
            "valid_from": "2026-01-01T00:00:00Z",
            "usd_per_mtok": {
                "input": "0.10",
                "output": "2.00",
                "cache_write_1h": "0.00000000000000000001",
            },
            "usd_per_unit": {"web_search": "0.010"},
        },
    ),
    (
        [
            *["keys", "create", "search", "--model", "a", "--model", "b", "--tag", "team=x"],
            *["--cost-centre", "CC-1", "--requests-per-minute", "60", "--expires-at"],
            "2027-01-01T00:00:00+01:00",
        ],
        {
            "name": "search",
            "models": ["a", "b"],
            "tags": {"team": "x"},
            "cost_centre": "CC-1",
            "limits": {"requests_per_minute": 60},
            "expires_at": "2027-01-01T00:00:00+01:00",
        },
    ),
]


@pytest.mark.parametrize(("arguments", "body"), CREATIONS, ids=[one[0][0] for one in CREATIONS])
def test_options_become_the_body_that_the_api_takes(
    tollway, gateway, arguments: list[str], body: dict[str, Any]
) -> None:
    ran = tollway(*arguments)
    assert (ran.code, gateway.calls[-1].body) == (0, body), ran.err
    assert gateway.calls[-1].headers["idempotency-key"]


def test_a_price_without_a_time_holds_from_now(tollway, gateway) -> None:
    assert tollway("prices", "create", "p", "--model", "m", "--input", "1").code == 0
    assert gateway.calls[-1].body["valid_from"].endswith("Z")


def test_a_list_shows_all_pages(tollway) -> None:
    for name in ("a", "b", "c", "d", "e"):
        tollway("models", "create", name)
    ran = tollway("models", "list", "-o", "name")
    assert (ran.code, ran.out) == (0, "a\nb\nc\nd\ne\n")


def test_json_and_yaml_are_the_apis_objects(tollway, gateway) -> None:
    tollway("models", "create", "m", "--description", "de=Größe")
    (kept,) = gateway.kept.values()
    assert json.loads(tollway("models", "list", "-o", "json").out) == [kept]
    assert yaml.safe_load(tollway("models", "get", "m", "-o", "yaml").out) == kept
    assert "Größe" in tollway("models", "get", "m", "-o", "json").out


def test_fractions_keep_every_digit_on_their_way_through(tollway, gateway) -> None:
    gateway.say("/v1/workspaces/demo/providers/p", b'{"options": {"a": 1.10, "b": [1e-30]}}')
    assert '"a": 1.10' in tollway("providers", "get", "p", "-o", "json").out
    assert "a: 1.10" in tollway("providers", "get", "p", "-o", "yaml").out


def test_a_table_to_a_pipe_is_aligned_plain_text_without_colour(tollway) -> None:
    tollway("prices", "create", "a", "--model", "m", "--input", "0.25", "--output", "10.00")
    tollway("prices", "create", "b", "--model", "model-2", "--input", "12.5")
    header, first, second = tollway("prices", "list").out.splitlines()
    assert "\x1b" not in header + first + second
    end = header.index("input $/Mtok") + len("input $/Mtok")
    assert first[:end].endswith(" 0.25")
    assert second[:end].endswith(" 12.5")
    assert first.index("m ") == second.index("model-2")


def test_a_table_at_a_terminal_has_colours_unless_they_are_not_wanted(tollway) -> None:
    tollway("models", "create", "m")
    assert "\x1b[1m" in tollway.at_terminal("models", "list").out
    shown = tollway.at_terminal("models", "get", "nope", NO_COLOR="1").out
    assert "error: " in shown
    assert "\x1b[31m" not in shown


def test_text_from_a_service_cannot_steer_the_terminal(tollway, gateway) -> None:
    tollway("models", "create", "m")
    next(iter(gateway.kept.values()))["display_name"] = "\x1b[2J\x9b1mgone"
    for shown in (tollway("models", "list").out, tollway("models", "get", "m").out):
        assert "gone" in shown
        assert "\x1b" not in shown
        assert "\x9b" not in shown


def test_names_become_one_part_of_an_address(tollway, gateway) -> None:
    tollway("models", "create", "org/m:1")
    assert tollway("models", "get", "org/m:1", "-o", "name").out == "org/m:1\n"
    asked = len(gateway.calls)
    for name in ("", "..", "../x", "a b", "ä", "a\n", "-"):
        for command in ("get", "delete", "create"):
            assert tollway("models", command, "--", name).code == 2
    assert tollway("providers", "get", "Upper").code == 2
    assert tollway("models", "list", "-w", "../x").code == 2
    assert len(gateway.calls) == asked


def test_the_workspace_is_the_named_one_then_the_variables_then_the_local_stacks(
    tollway, gateway
) -> None:
    tollway("models", "list", "-w", "a", TOLLWAY_WORKSPACE="b")
    tollway("models", "list", TOLLWAY_WORKSPACE="b")
    tollway("models", "list")
    assert [call.path.split("/")[3] for call in gateway.calls] == ["a", "b", "demo"]


def test_a_deletion_asks_at_a_terminal_and_nowhere_else(tollway, gateway) -> None:
    for name in ("a", "b", "c"):
        tollway("models", "create", name)
    refused = tollway.at_terminal("models", "delete", "a", answers=["n"])
    assert refused.code == 1
    assert "Delete model a?" in refused.out
    assert tollway.at_terminal("models", "delete", "a", answers=["y"]).code == 0
    assert tollway.at_terminal("models", "delete", "b", "--yes").code == 0
    assert tollway("models", "delete", "c").out == "model c deleted\n"
    assert gateway.kept == {}


def test_a_new_api_key_alone_goes_to_standard_output(tollway) -> None:
    ran = tollway("keys", "create", "search")
    assert ran.out == "tw_new-key-in-full\n"
    assert "this once" in ran.err
    assert "tw_new-key-in-full" not in ran.err
    as_json = tollway("keys", "create", "two", "-o", "json")
    assert json.loads(as_json.out)["key"] == "tw_new-key-in-full"
    named = tollway("keys", "create", "three", "-o", "name")
    assert (named.out, "tw_new-key-in-full" in named.err) == ("three\n", True)


def test_an_api_key_whose_answer_was_lost_is_not_said_to_be_shown(tollway, gateway) -> None:
    body = {"name": "k", "key": None, "revision": 1}
    gateway.before = lambda call: gateway.replied(201, body)
    ran = tollway("keys", "create", "k")
    assert (ran.code, ran.out) == (1, "")
    assert "tollway keys delete k" in ran.err


@pytest.mark.parametrize(
    "text",
    [
        "model: m\nvalidFrom: 2026-01-01T00:00:00Z\nusdPerMtok: {input: 0.10, cacheWrite1h: 12}\n",
        '{"model": "m", "valid_from": "2026-01-01T00:00:00Z", '
        '"usd_per_mtok": {"input": 0.10, "cache_write_1h": 12}}',
    ],
)
def test_a_specification_comes_from_a_file_or_a_pipe_without_rounding(
    tollway, gateway, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "price"
    file.write_text(text)
    assert tollway("prices", "create", "a", "-f", str(file)).code == 0
    assert tollway("prices", "create", "b", "-f", "-", typed=text).code == 0
    first, second = (call.body for call in gateway.calls)
    assert first | {"name": "b"} == second
    assert first["usd_per_mtok"] == {"input": "0.10", "cache_write_1h": 12}
    assert first["valid_from"] == "2026-01-01T00:00:00Z"


def test_options_go_before_the_file(tollway, gateway, tmp_path: Path) -> None:
    file = tmp_path / "key.yaml"
    file.write_text("costCentre: A\nmodels: [a]\ntags: {x: '1', y: '2'}\n")
    tollway("keys", "create", "k", "-f", str(file), "--cost-centre", "B", "--tag", "x=3")
    body = {"name": "k", "cost_centre": "B", "models": ["a"], "tags": {"x": "3", "y": "2"}}
    assert gateway.calls[-1].body == body

"""The command line against the real services, from an empty workspace to a receipt."""

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

SECRET = "sk-canary-of-the-command-line-0123456789"
WORKSPACE = "cli-tests"


@pytest.fixture(scope="module")
def key(tollway, stack) -> Iterator[str]:
    """A workspace of one priced model on the simulator, made by commands; the API key to it."""
    inside = ("-w", WORKSPACE)
    tollway.good("workspaces", "create", WORKSPACE, "--display-name", "CLI", "--timezone", "UTC")
    tollway.good("credentials", "create", "sim", "--from-env", "SIM_KEY", *inside, SIM_KEY=SECRET)
    url = f"{stack.addresses.simulator}/v1"
    provider = ["--spec", "openai-chat-completions", "--base-url", url, "--credential", "sim"]
    tollway.good("providers", "create", "sim", *provider, *inside)
    tollway.good("models", "create", "org/chat:1", "--context-window", "128000", *inside)
    deployment = ["--model", "org/chat:1", "--provider", "sim", "--upstream-model", "sim-prose"]
    tollway.good("deployments", "create", "chat-a", *deployment, *inside)
    price = ["--model", "org/chat:1", "--valid-from", "2025-01-01T00:00:00Z"]
    price += ["--input", "0.10", "--output", "2.00", "--cache-read", "0.025"]
    tollway.good("prices", "create", "chat-2025", *price, *inside)
    key = tollway.good("keys", "create", "cli", "--model", "org/chat:1", *inside).strip()
    yield key
    for kind, name in (
        ("keys", "cli"),
        ("prices", "chat-2025"),
        ("deployments", "chat-a"),
        ("models", "org/chat:1"),
        ("providers", "sim"),
        ("credentials", "sim"),
    ):
        assert tollway.good(kind, "delete", name, *inside).endswith(f"{name} deleted\n")
    tollway.good("workspaces", "delete", WORKSPACE)


def test_the_demo_workspace_is_there_without_sourcing_anything(tollway) -> None:
    listed = tollway.good("models", "list", "-o", "name").split()
    assert {"demo-chat", "demo-claude"} <= set(listed)
    for kind in ("providers", "deployments", "keys", "prices", "credentials", "workspaces"):
        assert len(tollway.good(kind, "list").splitlines()) > 1


@pytest.mark.parametrize("options", [[], ["--no-stream"], ["--anthropic", "-m", "demo-claude"]])
def test_the_demo_models_answer(tollway, options: list[str]) -> None:
    ran = tollway("ask", *options, "Tell me of the toll.", "--usage")
    assert ran.code == 0, ran.err
    assert ran.out.strip()
    assert "request: req_" in ran.err


def test_a_question_becomes_a_receipt_whose_arithmetic_holds(tollway, key: str) -> None:
    inside = ("-w", WORKSPACE)
    asked = tollway.eventually(
        lambda ran: ran.code == 0,
        *("ask", "-m", "org/chat:1", "Tell me of the toll.", "--usage"),
        TOLLWAY_API_KEY=key,
    )
    request = asked.err.split("request: ")[1].split()[0]
    usage = ("report", "usage", "--request-id", request, "-o", "json", *inside)
    ran = tollway.eventually(lambda ran: ran.code == 0 and json.loads(ran.out), *usage)
    (attempt,) = json.loads(ran.out)
    meters = attempt["meters"]
    due = (Decimal("0.10") * meters["input_uncached"] + 2 * meters["output"]) / 1_000_000
    assert Decimal(attempt["amount"]) == due
    receipt = tollway.good("report", "receipt", attempt["charge_id"], *inside)
    assert f"total {attempt['amount']} USD" in receipt
    assert "chat-2025 (revision 1)" in receipt
    tokens = attempt["raw_usage"]["completion_tokens"]
    assert f"{tokens} × 2 / 1000000" in receipt
    report = ("report", "costs", "--group-by", "model,api_key", *inside)
    table = tollway.eventually(lambda ran: "org/chat:1" in ran.out, *report).out
    rows = json.loads(tollway.good(*report, "-o", "json"))
    assert f" {rows['total']}\n" in table
    assert rows["total"] in tollway.good(*report, "-o", "csv")


@pytest.mark.usefixtures("key")
def test_a_change_is_made_once_and_never_over_anothers(tollway, tmp_path) -> None:
    inside = ("-w", WORKSPACE)
    file = tmp_path / "model.yaml"
    file.write_text(tollway.good("models", "get", "org/chat:1", "-o", "yaml", *inside))
    tollway.good("models", "update", "org/chat:1", "--premium", "--description", "en=One", *inside)
    stale = tollway("models", "update", "org/chat:1", "-f", str(file), *inside)
    assert (stale.code, "nothing was overwritten" in stale.err) == (1, True)
    unset = ["--unset", "description.en", "--no-premium"]
    tollway.good("models", "update", "org/chat:1", *unset, *inside)
    model = json.loads(tollway.good("models", "get", "org/chat:1", "-o", "json", *inside))
    assert (model["premium"], model["description"], model["context_window"]) == (False, {}, 128000)


@pytest.mark.usefixtures("key")
def test_prices_keep_the_digits_that_were_typed(tollway) -> None:
    price = json.loads(tollway.good("prices", "get", "chat-2025", "-o", "json", "-w", WORKSPACE))
    assert price["usd_per_mtok"]["input"] == "0.10"
    assert price["usd_per_mtok"]["cache_write"] is None


@pytest.mark.usefixtures("key")
def test_refusals_of_the_services_are_clear_lines(tollway) -> None:
    inside = ("-w", WORKSPACE)
    for arguments, code in (
        (["models", "create", "org/chat:1"], "already_exists"),
        (["models", "delete", "org/chat:1"], "in_use"),
        (["models", "get", "nope"], "not_found"),
        (["providers", "create", "p", "--spec", "google", "--header", "cookie=x"], "invalid"),
        (["prices", "update", "chat-2025", "--valid-to", "2020-01-01T00:00:00Z"], "invalid"),
        (["credentials", "get", "nope"], "not_found"),
        (["report", "costs", "--group-by", "nope"], "unknown_group"),
        (["report", "receipt", "chg_nope"], "not_found"),
    ):
        ran = tollway(*arguments, *inside)
        assert (ran.code, ran.out) == (1, ""), ran
        assert ran.err.startswith("error: ")
        assert f"[{code}]" in ran.err


@pytest.mark.usefixtures("key")
def test_a_rotated_key_encrypts_all_credentials_anew(tollway) -> None:
    told = tollway.good("secrets", "rewrap", "--rotate", "-w", WORKSPACE)
    assert told.endswith("1 rewrapped, 0 had it already\n")
    assert tollway.good("secrets", "rewrap", "-w", WORKSPACE).endswith("1 had it already\n")


@pytest.mark.usefixtures("key")
def test_a_secret_is_shown_nowhere_and_stands_in_no_log(tollway, stack) -> None:
    for form in ("table", "json", "yaml"):
        shown = tollway.good("credentials", "get", "sim", "-o", form, "-w", WORKSPACE)
        assert SECRET not in shown
    for log in stack.home.logs.iterdir():
        assert SECRET not in log.read_text(errors="replace"), log

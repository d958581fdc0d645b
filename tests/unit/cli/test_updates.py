"""Changes: what is not named stays, and nobody's change is overwritten."""

from pathlib import Path

import pytest

MODEL = "/v1/workspaces/demo/models/m"


@pytest.fixture
def model(tollway, gateway) -> None:
    tollway("models", "create", "m", "--display-name", "M", "--no-tools", "--description", "en=A")
    gateway.calls.clear()


@pytest.mark.usefixtures("model")
def test_an_update_says_only_what_is_named_and_builds_on_what_was_read(tollway, gateway) -> None:
    assert tollway("models", "update", "m", "--premium", "--visible").out == "model m updated\n"
    read, write = gateway.calls
    assert (read.method, write.method) == ("GET", "PATCH")
    assert write.headers["if-match"] == '"1"'
    assert write.body == {"premium": True, "visibility": "visible"}
    kept = gateway.kept[MODEL]
    assert (kept["display_name"], kept["premium"], kept["revision"]) == ("M", True, 2)


@pytest.mark.usefixtures("model")
def test_a_concurrent_change_is_not_overwritten_and_that_is_said(tollway, gateway) -> None:
    def somebody_else(call):
        if call.method == "PATCH":
            gateway.kept[MODEL]["revision"] = 7

    gateway.before = somebody_else
    ran = tollway("models", "update", "m", "--premium")
    assert ran.code == 1
    assert "changed by somebody else" in ran.err
    assert "nothing was overwritten" in ran.err
    assert "stale_revision" in ran.err
    assert gateway.kept[MODEL]["premium"] is False


@pytest.mark.usefixtures("model")
def test_what_get_wrote_can_be_edited_and_given_back_once(tollway, gateway, tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(
        tollway("models", "get", "m", "-o", "yaml").out.replace("premium: false", "premium: true")
    )
    assert tollway("models", "update", "m", "-f", str(file)).code == 0
    assert gateway.kept[MODEL]["premium"] is True
    again = tollway("models", "update", "m", "-f", str(file))
    assert (again.code, "changed by somebody else" in again.err) == (1, True)


@pytest.mark.usefixtures("model")
def test_unset_takes_fields_and_keys_back(tollway, gateway) -> None:
    unset = [
        "--unset",
        "display_name",
        "--unset",
        "description.en",
        "--unset",
        "capabilities.tools",
    ]
    assert tollway("models", "update", "m", *unset).code == 0
    body = {"display_name": None, "description": {"en": None}, "capabilities": {"tools": None}}
    assert gateway.calls[-1].body == body
    assert gateway.kept[MODEL]["capabilities"]["tools"] is True


def test_an_api_key_is_disabled_and_enabled(tollway, gateway) -> None:
    tollway("keys", "create", "k")
    for flag, disabled in (("--disable", True), ("--enable", False)):
        assert tollway("keys", "update", "k", flag).code == 0
        assert gateway.kept["/v1/workspaces/demo/keys/k"]["disabled"] is disabled


@pytest.mark.parametrize(
    "arguments",
    [
        ["models", "update", "m"],
        ["models", "update", "m", "--unset", "nope"],
        ["models", "update", "m", "--unset", "capabilities.nope"],
        ["models", "update", "m", "--context-window", "0"],
        ["models", "update", "m", "--context-window", "many"],
        ["models", "update", "m", "--description", "en"],
        ["models", "update", "m", "--nope"],
        ["models", "nope"],
        ["prices", "update", "p", "--input", "1"],
        ["prices", "create", "p", "--input", "1"],
        ["prices", "create", "p", "--model", "m", "--input", "0,25"],
        ["prices", "create", "p", "--model", "m", "--input", "1_0"],
        ["prices", "create", "p", "--model", "m", "--input", "-1"],
        ["prices", "create", "p", "--model", "m", "--input", "NaN"],
        ["prices", "create", "p", "--model", "m", "--input", "1", "--valid-from", "2026-01-01"],
        ["prices", "create", "p", "--model", "m", "--input", "1", "--valid-from", "tomorrow"],
        ["providers", "create", "p"],
        ["providers", "create", "p", "--spec", "smoke-signals"],
        ["providers", "create", "p", "--spec", "google", "--header", "=x"],
        ["deployments", "create", "d", "--model", "m", "--provider", "p"],
        ["models", "list", "-o", "xml"],
        ["models", "get"],
    ],
    ids=" ".join,
)
def test_what_is_typed_wrong_is_exit_code_2_and_asks_nobody(
    tollway, gateway, arguments: list[str]
) -> None:
    ran = tollway(*arguments)
    assert (ran.code, ran.out, gateway.calls) == (2, "", [])
    assert ran.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[1, 2]", "must hold one object"),
        (b"", "must hold one object"),
        (b"1: 2", "must hold one object"),
        (b"a: [", "neither YAML nor JSON"),
        (b"\xff\xfe", "no text in UTF-8"),
        (b"a: !!python/object:os.system {}", "neither YAML nor JSON"),
        (b"display_name: .inf", "cannot be said in JSON"),
        (b"display_name: !!timestamp 2026-01-01", "cannot be said in JSON"),
        (b"display_name: &a [*a]", "refers to itself"),
        (b"[" * 100_000, "neither YAML nor JSON"),
        (b"\x00", "neither YAML nor JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(
    tollway, tmp_path: Path, text: bytes, said: str
) -> None:
    file = tmp_path / "spec"
    file.write_bytes(text)
    ran = tollway("models", "create", "m", "-f", str(file))
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_a_file_that_is_not_there_or_about_another_name_is_refused(tollway, tmp_path: Path) -> None:
    assert "cannot be read" in tollway("models", "create", "m", "-f", str(tmp_path)).err
    assert tollway("models", "create", "m", "-f", str(tmp_path / "nope")).code == 1
    file = tmp_path / "spec"
    file.write_text("name: other")
    assert tollway("models", "create", "m", "-f", str(file)).code == 2

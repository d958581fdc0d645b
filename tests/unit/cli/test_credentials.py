"""Secrets go from where they are to the service, and are seen nowhere else."""

import json
from pathlib import Path

import psutil
import pytest

SECRET = "sk-canary-0123456789abcdef"
PLACE = "/v1/workspaces/demo/credentials/c"


def unseen(ran) -> None:
    assert SECRET not in ran.out + ran.err


def test_an_api_key_comes_from_a_variable_a_file_or_a_pipe(
    tollway, gateway, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    ways = (
        (["--from-env", "MY_KEY"], {"MY_KEY": SECRET}, ""),
        (["--from-env", "api_key=MY_KEY"], {"MY_KEY": SECRET}, ""),
        (["--from-file", str(file)], {}, ""),
        (["--from-file", "-"], {}, f"{SECRET}\n"),
        ([], {}, f"{SECRET}\n"),
    )
    for number, (options, env, typed) in enumerate(ways):
        ran = tollway("credentials", "create", f"c{number}", *options, typed=typed, **env)
        assert (ran.code, ran.out) == (0, f"credential c{number} created\n"), ran.err
        unseen(ran)
    bodies = [call.body for call in gateway.calls]
    data = {"type": "api-key", "data": {"api_key": SECRET}}
    assert bodies == [{"name": f"c{number}", **data} for number in range(len(ways))]


def test_a_terminal_asks_and_shows_nothing_of_what_is_typed(tollway, gateway) -> None:
    ran = tollway.at_terminal("credentials", "create", "c", answers=[SECRET])
    assert ran.code == 0
    assert "API key:" in ran.out
    unseen(ran)
    assert gateway.secrets[PLACE] == {"api_key": SECRET}


def test_an_aws_key_pair_comes_field_by_field_or_as_an_object(tollway, gateway) -> None:
    pair = {"access_key_id": "AKIA-canary", "secret_access_key": SECRET}
    env = {"ID": pair["access_key_id"], "KEY": SECRET, "BOTH": json.dumps(pair)}
    fields = ["--from-env", "access_key_id=ID", "--from-env", "secret-access-key=KEY"]
    for name, options in (("a", fields), ("b", ["--from-env", "BOTH"])):
        ran = tollway("credentials", "create", name, "--type", "aws", *options, **env)
        assert ran.code == 0, ran.err
        unseen(ran)
        assert gateway.calls[-1].body == {"name": name, "type": "aws", "data": pair}
    asked = tollway.at_terminal(
        "credentials", "create", "c", "--type", "aws", answers=["AKIA-canary", SECRET, ""]
    )
    assert asked.code == 0
    unseen(asked)
    assert gateway.secrets[PLACE] == pair


def test_a_service_account_is_its_key_file(tollway, gateway, tmp_path: Path) -> None:
    account = json.dumps({"type": "service_account", "private_key": SECRET})
    file = tmp_path / "account.json"
    file.write_text(account)
    kind = ["--type", "google-service-account"]
    ran = tollway("credentials", "create", "c", *kind, "--from-file", str(file))
    assert ran.code == 0, ran.err
    unseen(ran)
    assert gateway.secrets[PLACE] == {"service_account_json": account}


def test_an_update_rotates_and_builds_on_what_was_read(tollway, gateway) -> None:
    tollway("credentials", "create", "c", typed="old-key-0123456789")
    ran = tollway("credentials", "update", "c", "--from-env", "NEW", NEW=SECRET)
    assert (ran.code, ran.out) == (0, "credential c updated\n")
    write = gateway.calls[-1]
    assert (write.headers["if-match"], write.body) == ('"1"', {"data": {"api_key": SECRET}})
    shown = tollway("credentials", "get", "c", "-o", "json")
    unseen(shown)
    assert json.loads(shown.out)["hints"] == {"api_key": "…cdef"}


def test_there_is_no_option_that_takes_a_secret(tollway) -> None:
    for flag in ("--api-key", "--key", "--secret", "--value", "--data", "--token"):
        assert tollway("credentials", "create", "c", flag, "x").code == 2
    assert tollway("credentials", "create", "c", "x").code == 2


@pytest.mark.parametrize(
    ("options", "env", "code"),
    [
        (["--from-env", SECRET], {}, 2),
        (["--from-env", f"api_key={SECRET}"], {}, 2),
        (["--from-file", SECRET], {}, 1),
        (["--from-env", "UNSET"], {}, 1),
        (["--from-env", "EMPTY"], {"EMPTY": ""}, 1),
        (["--type", "aws", "--from-env", "ONE"], {"ONE": SECRET}, 2),
        (["--type", "aws", "--from-env", "ONE"], {"ONE": json.dumps({"nope": SECRET})}, 2),
        ([], {}, 1),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(
    tollway, gateway, options: list[str], env: dict[str, str], code: int
) -> None:
    ran = tollway("credentials", "create", "c", *options, **env)
    assert ran.code == code
    assert (gateway.calls, bool(ran.err)) == ([], True)
    unseen(ran)


def test_no_process_has_the_secret_among_its_arguments(tollway, gateway) -> None:
    seen: list[str] = []

    def look(_) -> None:
        processes = psutil.process_iter(["cmdline"])
        seen.extend(" ".join(process.info["cmdline"] or ()) for process in processes)

    gateway.before = look
    done = tollway.process("credentials", "create", "c", "--from-env", "MY_KEY", MY_KEY=SECRET)
    assert done.returncode == 0, done.stderr
    assert any("tollway_cli" in line for line in seen)
    assert not any(SECRET in line for line in seen)
    unseen(type("Ran", (), {"out": done.stdout, "err": done.stderr}))


def test_a_rewrap_tells_what_it_did(tollway, gateway) -> None:
    ran = tollway("secrets", "rewrap", "--rotate")
    assert (ran.code, ran.out) == (0, "key version 2: 1 rewrapped, 0 had it already\n")
    assert gateway.calls[-1].body == {"rotate": True}


def test_a_rewrap_that_could_not_open_something_fails_and_names_it(tollway, gateway) -> None:
    report = {"key_version": 2, "rewrapped": 1, "current": 0, "unreadable": ["old"]}
    gateway.say("/v1/workspaces/demo/rewrap", report)
    ran = tollway("secrets", "rewrap")
    assert ran.code == 1
    assert ran.err.endswith(": old\n")

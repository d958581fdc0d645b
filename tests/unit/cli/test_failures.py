"""Everything that goes wrong is one clear line, and never a traceback."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MODELS = "/v1/workspaces/demo/models"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollway_cli.api.client.PAUSE_SECONDS", 0.0)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_a_problem_is_its_detail_and_its_code(tollway, gateway) -> None:
    gateway.before = lambda _: gateway.problem(409, "in_use", "Still needed by deployment a.")
    ran = tollway("models", "delete", "m")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "error: Still needed by deployment a. [in_use]\n"


def test_fields_that_are_wrong_are_listed_one_by_one(tollway) -> None:
    ran = tollway("providers", "create", "p", "--spec", "google", "--base-url", "ftp://x")
    assert ran.code == 1
    first, second = ran.err.splitlines()
    assert first == "error: Invalid [invalid]"
    assert second.startswith("  base_url: ")


def test_a_service_that_is_not_there_is_named_with_its_address_and_a_way_out(
    tollway, closed_port: int
) -> None:
    url = f"http://127.0.0.1:{closed_port}"
    for variable, arguments in (
        ("REGISTRY", ["models", "list"]),
        ("SECRETS", ["credentials", "list"]),
        ("METERING", ["report", "costs"]),
        ("ROUTER", ["ask", "hello"]),
    ):
        name = f"TOLLWAY_{variable}_URL"
        tokens = {"TOLLWAY_ADMIN_TOKEN": "t", "TOLLWAY_API_KEY": "tw_k"}
        ran = tollway(*arguments, **tokens, **{name: url})
        assert (ran.code, ran.out) == (1, "")
        assert f"The {variable.lower()} does not answer at {url}: connection refused" in ran.err
        assert "make up" in ran.err
        assert name in ran.err


@pytest.mark.parametrize(
    "reply",
    [
        (200, b"<html>hello</html>"),
        (200, b'["a"]'),
        (200, b'{"no": "items"}'),
        (200, b'{"items": ["a"]}'),
        (200, b"[" * 100_000),
        (404, b"not here"),
        (500, b"{}"),
        (307, b""),
        (502, b"\xff"),
    ],
)
def test_something_else_at_the_address_is_recognised(tollway, gateway, reply) -> None:
    status, body = reply
    gateway.say(MODELS, body, status)
    ran = tollway("models", "list")
    assert (ran.code, ran.out) == (1, "")
    assert "is not Tollway's registry" in ran.err
    assert ran.err.count("\n") == 1


def test_a_lost_answer_is_asked_for_again_and_the_write_happens_once(tollway, gateway) -> None:
    gateway.lose_answers = 2
    ran = tollway("models", "create", "m")
    assert (ran.code, ran.out) == (0, "model m created\n")
    keys = {call.headers["idempotency-key"] for call in gateway.calls}
    assert (len(gateway.calls), len(keys)) == (3, 1)


def test_a_service_that_never_answers_is_given_up_on(tollway, gateway) -> None:
    gateway.lose_answers = 10
    ran = tollway("models", "create", "m")
    assert ran.code == 1
    assert "The registry does not answer" in ran.err
    assert len(gateway.calls) == 3


def test_a_service_that_is_not_ready_is_asked_again(tollway, gateway) -> None:
    answers = [gateway.problem(503, "unavailable", "Not now.")] * 2
    gateway.before = lambda _: answers.pop() if answers else None
    assert tollway("models", "list").code == 0
    answers.extend([gateway.problem(503, "unavailable", "Not now.")] * 3)
    assert tollway("models", "list").err == "error: Not now. [unavailable]\n"


def test_a_refused_token_names_its_variable_and_is_not_shown(tollway) -> None:
    ran = tollway("models", "list", TOLLWAY_ADMIN_TOKEN="wrong-token")
    assert "TOLLWAY_ADMIN_TOKEN" in ran.err
    assert "wrong-token" not in ran.err
    damaged = tollway("models", "list", TOLLWAY_ADMIN_TOKEN="wrong\ntoken")
    assert (damaged.code, "wrong" in damaged.err) == (1, False)
    assert tollway("models", "list", TOLLWAY_ADMIN_TOKEN="wröng").code == 1


def test_the_local_stacks_token_goes_nowhere_else(tollway, gateway) -> None:
    elsewhere = gateway.url.replace("127.0.0.1", "localhost")
    for variable, arguments in (
        ("TOLLWAY_REGISTRY_URL", ["models", "list"]),
        ("TOLLWAY_ROUTER_URL", ["ask", "hello"]),
    ):
        ran = tollway(*arguments, **{variable: elsewhere})
        assert ran.code == 1
        assert "for its own addresses only" in ran.err
    assert gateway.calls == []


def test_an_address_that_is_none_is_refused(tollway) -> None:
    for url in ("nope", "ftp://x", "http://", "http://h:99999", "http://u:pw@h", "http://h/?a=b"):
        ran = tollway("models", "list", TOLLWAY_REGISTRY_URL=url)
        assert ran.code == 1
        assert "must be an http or https address" in ran.err
        assert "pw" not in ran.err


def test_without_a_stack_and_without_variables_the_way_to_both_is_said(
    tollway, tmp_path: Path
) -> None:
    ran = tollway("models", "list", TOLLWAY_HOME=str(tmp_path / "nothing"))
    assert ran.code == 1
    assert "make up" in ran.err
    assert "TOLLWAY_REGISTRY_URL" in ran.err


def test_a_home_that_cannot_be_read_is_one_clear_line(tollway) -> None:
    (tollway.home / "env").write_bytes(b"\xff")
    assert "is damaged" in tollway("models", "list").err
    (tollway.home / "env").unlink()
    (tollway.home / "env").mkdir()
    ran = tollway("models", "list")
    assert (ran.code, "cannot be read" in ran.err) == (1, True)


def test_a_reader_that_goes_away_is_no_traceback(tollway, gateway) -> None:
    gateway.say(MODELS, {"items": [{"name": "m" * 60}] * 5000, "next": None})
    command = f"{sys.executable} -m tollway_cli models list -o name | head -1"
    done = subprocess.run(
        command,
        shell=True,
        env=tollway.whole({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("m" * 60 + "\n", "")


def test_a_terminal_without_unicode_still_gets_its_answer(tollway) -> None:
    tollway("models", "create", "m", "--display-name", "Größe")
    done = tollway.process("models", "list", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Gr\\xf6\\xdfe" in done.stdout

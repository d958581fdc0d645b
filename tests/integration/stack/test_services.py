"""The whole stack with Tollway's services: what `tollway up` promises to somebody who types it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from tollway_cli.stack import Phase, Progress, Stack
from tollway_cli.stack.members import SERVICE_NAMES


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("services") / "home") as stack:
        stack.up()
        yield stack


def chat(stack: Stack, key: str | None = None) -> httpx2.Response:
    env = stack.env
    return httpx2.post(
        f"{env['OPENAI_BASE_URL']}/chat/completions",
        headers={"Authorization": f"Bearer {key or env['OPENAI_API_KEY']}"},
        json={"model": "demo-chat", "messages": [{"role": "user", "content": "Hello"}]},
        timeout=30,
    )


def tollway(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "TOLLWAY_HOME": str(stack.home.root),
    }
    command = [sys.executable, "-m", "tollway_cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def registered(stack: Stack) -> dict[str, object]:
    """Everything in the demo workspace, revisions and times included."""
    bearer = {"Authorization": f"Bearer {stack.site.trust.admin_token()}"}
    of_registry = ("providers", "models", "deployments", "prices", "keys")
    where = dict.fromkeys(of_registry, stack.addresses.registry)
    where["credentials"] = stack.addresses.secrets
    return {
        kind: httpx2.get(f"{url}/v1/workspaces/demo/{kind}", headers=bearer).json()["items"]
        for kind, url in where.items()
    }


def test_every_process_is_ready(up: Stack) -> None:
    assert {status.name: status.why_not for status in up.status() if status.why_not} == {}


def test_the_seeded_models_answer_in_both_formats(up: Stack) -> None:
    assert chat(up).json()["choices"][0]["message"]["content"]
    env = up.env
    answer = httpx2.post(
        f"{env['ANTHROPIC_BASE_URL']}/v1/messages",
        headers={"x-api-key": env["ANTHROPIC_API_KEY"]},
        json={
            "model": "demo-claude",
            "max_tokens": 50,
            "messages": [{"role": "user", "content": "Hello"}],
        },
        timeout=30,
    )
    assert answer.json()["content"][0]["text"]


def test_a_second_up_starts_and_changes_nothing(up: Stack) -> None:
    before, key = registered(up), up.env["OPENAI_API_KEY"]
    again = up.up()
    assert (again.started, again.api_key) == ((), key)
    assert registered(up) == before


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_a_service_that_died_is_started_again(up: Stack, name: str) -> None:
    up.kill(name)
    assert up.up().started == (name,)
    assert chat(up).is_success


def test_each_service_knows_only_its_own_secrets(up: Stack) -> None:
    pids = {status.name: status.pid for status in up.status()}
    for name in SERVICE_NAMES:
        environment = psutil.Process(pids[name]).environ()
        database = environment.get("TOLLWAY_DATABASE_URL", f"//tollway_{name}:")
        assert f"//tollway_{name}:" in database
        assert ("TOLLWAY_VAULT_TOKEN_FILE" in environment) == (name == "secrets")
        assert ("TOLLWAY_SECRETS_TOKEN_FILE" in environment) == (name == "router")
        assert "TOLLWAY_ADMIN_TOKEN" not in environment


def test_no_log_holds_a_secret(up: Stack) -> None:
    chat(up)
    secrets = {
        up.env["OPENAI_API_KEY"],
        up.env["TOLLWAY_ADMIN_TOKEN"],
        up.site.openbao.token_file.read_text().strip(),
        up.site.trust.router_token_file.read_text().strip(),
        *re.findall(r"[\w-]{43}", (up.home.keys / "postgres.json").read_text()),
    }
    assert len(secrets) == 8
    for log in up.home.logs.iterdir():
        text = log.read_text(errors="replace")
        assert not [secret for secret in secrets if secret in text], log


def test_a_lost_env_file_costs_a_new_key_and_the_old_one_ends(up: Stack) -> None:
    old = up.env["OPENAI_API_KEY"]
    up.home.env.unlink()
    new = up.up().api_key
    assert new not in {None, old}
    assert chat(up).is_success
    assert chat(up, old).status_code == 401


def test_up_prints_a_curl_line_that_works(up: Stack) -> None:
    printed = tollway(up, "up")
    assert printed.returncode == 0
    assert printed.stdout.startswith("Tollway was already up.")
    assert "\x1b" not in printed.stdout + printed.stderr
    if shutil.which("curl") is None:
        pytest.skip("the printed line needs curl, which this machine has not")
    (line,) = re.findall(r"^  curl (?:.+\\\n)+.+$", printed.stdout, re.MULTILINE)
    answer = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30)
    assert '"choices"' in answer.stdout


def test_up_prints_a_python_snippet_that_works(up: Stack) -> None:
    printed = tollway(up, "up").stdout
    (snippet,) = re.findall(r"((?:^  .*\n)+)", printed[printed.index("  from openai") :], re.M)[:1]
    code = "\n".join(line.removeprefix("  ") for line in snippet.splitlines())
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip()


def test_status_and_doctor_are_content(up: Stack) -> None:
    status = tollway(up, "status")
    assert status.returncode == 0
    assert status.stdout.count(" ready") == 8
    doctor = tollway(up, "doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert {line.split()[0] for line in doctor.stdout.splitlines()} == {"ok"}


def test_status_and_doctor_name_what_died(up: Stack) -> None:
    up.kill("registry")
    status = tollway(up, "status")
    assert (status.returncode, status.stdout.count("it died")) == (1, 1)
    doctor = tollway(up, "doctor")
    assert doctor.returncode == 1
    assert "wrong registry: it died" in doctor.stdout
    assert "make up" in doctor.stdout
    up.up()


def test_logs_shows_one_process_or_all(up: Stack) -> None:
    one = tollway(up, "logs", "kafka", "-n", "2").stdout.splitlines()
    assert len(one) == 2
    every = {line.split()[0] for line in tollway(up, "logs", "-n", "1").stdout.splitlines()}
    assert every >= {"postgres", "openbao", "kafka", "registry", "secrets", "router"}


def test_a_stack_that_moves_still_answers_with_the_same_key(tmp_path: Path) -> None:
    with Stack(tmp_path / "home") as stack:
        key = stack.up().api_key
        stack.down()
        moved = Stack(tmp_path / "home", stack.site.ports.base + 1_000)
        assert moved.up().api_key == key
        assert chat(moved).is_success


def test_down_stops_the_router_before_metering_and_the_broker_last(tmp_path: Path) -> None:
    seen: list[Progress] = []
    with Stack(tmp_path / "home", observer=seen.append) as stack:
        stack.up(seed=False)
        seen.clear()
    stopped = [step.step for step in seen if step.phase is Phase.DONE]
    assert stopped[:2] == ["router", "metering"]
    assert set(stopped[2:6]) == {"metering", "registry", "secrets", "simulator"}
    assert set(stopped[6:]) == {"kafka", "openbao", "postgres"}


def test_what_was_used_right_before_down_is_charged_after_the_next_up(tmp_path: Path) -> None:
    with Stack(tmp_path / "home") as stack:
        stack.up()
        for _ in range(20):
            assert chat(stack).is_success
        stack.down()
        stack.up()
        answer = httpx2.get(
            f"{stack.addresses.metering}/v1/workspaces/demo/usage",
            params={"limit": 100},
            headers={"Authorization": f"Bearer {stack.site.trust.admin_token()}"},
        )
        items = answer.json()["items"]
    assert len({item["request_id"] for item in items}) == 20
    assert all(item["amount"] for item in items)

"""The stack as a whole, without Tollway's services: what `up` and `down` promise."""

import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tollway_cli.stack import Phase, Progress, Stack, StackError
from tollway_cli.stack.ports import OFFSETS

INFRASTRUCTURE = ("postgres", "openbao", "kafka")


def pids(stack: Stack) -> dict[str, int]:
    return {status.name: status.pid for status in stack.status() if status.pid is not None}


def test_a_second_up_starts_nothing(stack: Stack) -> None:
    before = pids(stack)
    again = stack.up_infrastructure()
    assert (again.started, again.found_running) == ((), INFRASTRUCTURE)
    assert pids(stack) == before


def test_another_object_finds_the_same_stack(stack: Stack) -> None:
    other = Stack(stack.home.root)
    assert other.addresses == stack.addresses
    assert [status.why_not for status in other.status()[:3]] == [None] * 3


def test_up_starts_only_what_died(stack: Stack) -> None:
    stack.kill("openbao")
    stack.kill("kafka")
    assert {status.name: status.why_not for status in stack.status()}["kafka"] == "it died"
    assert stack.up_infrastructure().started == ("openbao", "kafka")


def test_a_running_stack_is_not_moved(stack: Stack) -> None:
    with pytest.raises(StackError, match=r"already runs .* make down"):
        Stack(stack.home.root, 25_000).up_infrastructure()


def test_nobody_else_may_look_into_the_home(stack: Stack) -> None:
    data = (stack.home.postgres, stack.home.openbao / "data")
    for path in stack.home.root.rglob("*"):
        if not any(path.is_relative_to(folder) for folder in data):
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert all(stat.S_IMODE(folder.stat().st_mode) == 0o700 for folder in data)


def test_two_ups_at_once_do_not_meet(stack: Stack) -> None:
    def up() -> str:
        try:
            Stack(stack.home.root).up_infrastructure()
        except StackError as error:
            return str(error)
        return "up"

    stack.kill("openbao")
    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted([future.result() for future in [pool.submit(up) for _ in range(2)]])
    assert outcomes[0].startswith("Another `tollway up`")
    assert outcomes[1] == "up"


def test_processes_do_not_inherit_the_environment(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    stack.kill("kafka")
    stack.up_infrastructure()
    environment = psutil.Process(pids(stack)["kafka"]).environ()
    assert "PATH" in environment
    assert "OPENAI_API_KEY" not in environment


def test_down_stops_everything_and_a_second_down_nothing(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home")
    stack.up_infrastructure()
    running = pids(stack)
    assert set(stack.down()) == set(INFRASTRUCTURE)
    assert not any(psutil.pid_exists(pid) for pid in running.values())
    assert stack.down() == ()


def test_down_where_nothing_was_ever_started_makes_nothing(tmp_path: Path) -> None:
    assert Stack(tmp_path / "home").down() == ()
    assert not (tmp_path / "home").exists()


def test_a_stack_that_moves_keeps_what_it_holds(tmp_path: Path) -> None:
    with Stack(tmp_path / "home") as stack:
        stack.up_infrastructure()
        token = stack.site.openbao.token_file.read_text()
        stack.down()
        base = stack.site.ports.base + 1_000
        moved = Stack(tmp_path / "home", base)
        moved.up_infrastructure()
        assert moved.site.ports.base == base
        assert moved.site.openbao.token_file.read_text() == token
        assert [status.why_not for status in moved.status()[:3]] == [None] * 3


def test_a_taken_port_is_named_with_its_user_and_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as rival:
        base = rival.getsockname()[1] - OFFSETS["kafka"]
        with pytest.raises(StackError) as error:
            Stack(tmp_path / "home", base).up_infrastructure()
    text = str(error.value)
    assert f"Port {base + OFFSETS['kafka']}, which kafka needs" in text
    assert f"(pid {psutil.Process().pid})" in text
    assert "TOLLWAY_PORT_BASE=9000 make up" in text


@pytest.mark.parametrize("rest", ["postgres.partial.0/base", "openbao/data/raft"])
def test_a_first_up_that_was_cut_short_is_finished(tmp_path: Path, rest: str) -> None:
    with Stack(tmp_path / "home") as stack:
        stack.home.prepare()
        (stack.home.root / rest).mkdir(parents=True)
        (stack.home.root / rest / "torn").write_text("half a file")
        (stack.home.root / "stack.json").write_text(
            '{"format": 1, "port_base": 24000, "complete": false}'
        )
        assert set(stack.up_infrastructure().started) == set(INFRASTRUCTURE)
        assert not (stack.home.root / rest / "torn").exists()


@pytest.mark.parametrize("delay", [0.3, 0.6, 0.9, 1.2, 1.5, 2.0])
def test_a_first_up_that_is_killed_at_any_moment_is_finished_by_the_next(
    tmp_path: Path, delay: float
) -> None:
    home = tmp_path / "home"
    code = "import pathlib, sys; from tollway_cli.stack import Stack; "
    code += "Stack(pathlib.Path(sys.argv[1])).up_infrastructure()"
    first = subprocess.Popen([sys.executable, "-c", code, str(home)])
    time.sleep(delay)
    first.kill()
    first.wait()
    with Stack(home) as stack:
        stack.up_infrastructure()
        assert [status.why_not for status in stack.status()[:3]] == [None] * 3
        assert stack.site.openbao.token_file.exists()


def test_progress_is_told_step_by_step(tmp_path: Path) -> None:
    seen: list[Progress] = []
    with Stack(tmp_path / "home", observer=seen.append) as stack:
        stack.up_infrastructure()
    for name in INFRASTRUCTURE:
        assert [step.phase for step in seen if step.step == name] == [
            Phase.STARTED,
            Phase.DONE,
        ] * 2


def test_a_process_that_dies_at_its_start_says_why(tmp_path: Path) -> None:
    with Stack(tmp_path / "home") as stack:
        stack.up_infrastructure()
        stack.down()
        (stack.home.keys / "openbao.seal").write_text("too short")
        with pytest.raises(StackError, match=r"openbao died while it started(.|\n)*key"):
            stack.up_infrastructure()

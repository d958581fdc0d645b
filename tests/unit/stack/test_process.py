"""Processes: their identity, their end, and what is said when they die."""

import json
import os
import signal
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from tollway_cli.stack import StackError, process
from tollway_cli.stack.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.at(tmp_path / "home")
    home.prepare()
    return home


def start(home: Home, code: str, name: str = "one") -> process.Process:
    arguments = [sys.executable, "-I", "-u", "-c", code]
    return process.start(home, process.Launch(name, arguments, {"PATH": "/usr/bin"}))


def rewrite(home: Home, changed: process.Process) -> None:
    (home.run / f"{changed.name}.json").write_text(json.dumps(asdict(changed)))


SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('set'); time.sleep(60)"


def wait_for_log(home: Home, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in process.log_file(home, "one").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_started_process_is_found_again_and_stopped(home: Home) -> None:
    started = start(home, SLEEP)
    assert process.running(home, "one") == started
    assert process.stop(home, "one", 5)
    assert process.running(home, "one") is None
    assert process.recorded(home, "one") is None
    assert not process.stop(home, "one", 5)


def test_it_has_a_session_of_its_own_and_only_its_own_environment(home: Home) -> None:
    started = start(home, SLEEP)
    assert os.getsid(started.pid) == started.pid
    environment = psutil.Process(started.pid).environ()
    assert environment == {
        "PATH": "/usr/bin",
        "TOLLWAY_PROCESS": str(home.run / "one.json"),
    }
    process.stop(home, "one", 5)


def test_a_recycled_pid_is_nobody_of_ours_and_never_signalled(home: Home) -> None:
    stranger = start(home, SLEEP, "stranger")
    rewrite(home, replace(stranger, name="one", started=stranger.started - 3600))
    assert process.running(home, "one") is None
    assert not process.stop(home, "one", 1)
    process.kill(home, "one")
    assert stranger.alive
    process.stop(home, "stranger", 5)


def test_a_process_that_lost_its_record_is_adopted_not_its_children(home: Home) -> None:
    started = start(
        home, f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
    )
    (home.run / "one.json").unlink()
    process.adopt(home, ["one", "other"])
    assert process.running(home, "one") == replace(started, log_start=0)
    assert process.recorded(home, "other") is None
    process.kill(home, "one")


def test_a_process_of_another_home_is_not_adopted(home: Home, tmp_path: Path) -> None:
    start(home, SLEEP)
    other = Home.at(tmp_path / "other")
    other.prepare()
    process.adopt(other, ["one"])
    assert process.recorded(other, "one") is None
    process.stop(home, "one", 5)


@pytest.mark.parametrize("record", ["", "{", "[]", '{"pid": 1}'])
def test_a_torn_record_is_no_process(home: Home, record: str) -> None:
    (home.run / "one.json").write_text(record)
    assert process.running(home, "one") is None


def test_what_does_not_heed_sigterm_is_killed_with_its_children(home: Home) -> None:
    child = f"subprocess.Popen([sys.executable, '-c', {SLEEP!r}])"
    start(home, f"import subprocess, sys; c = {child}; print(c.pid, flush=True); {STUBBORN}")
    wait_for_log(home, "set")
    child_pid = int(process.log_file(home, "one").read_text().splitlines()[0])
    begin = time.monotonic()
    assert process.stop(home, "one", 0.3)
    assert 0.3 <= time.monotonic() - begin < 5
    while psutil.pid_exists(child_pid):  # until whoever inherited it has noticed
        assert time.monotonic() - begin < 10
        time.sleep(0.01)


def test_a_kill_leaves_a_record_that_says_it_died(home: Home) -> None:
    started = start(home, SLEEP)
    process.kill(home, "one")
    assert not started.alive
    assert process.recorded(home, "one") == started


def test_a_death_at_the_start_is_told_with_the_last_words_of_this_start(home: Home) -> None:
    process.wait_gone(start(home, "print('an earlier run')"), 10)
    started = start(home, "import sys; print('warming up'); sys.exit('no database')")
    with pytest.raises(StackError) as error:
        process.wait_ready(home, started, lambda: "not yet", 10)
    text = str(error.value)
    assert text.startswith("one died while it started")
    assert "  no database" in text
    assert "earlier" not in text


def test_one_that_is_never_ready_is_told_with_the_reason(home: Home) -> None:
    started = start(home, SLEEP)
    with pytest.raises(StackError, match=r"not ready after 0 s: the moon is not full"):
        process.wait_ready(home, started, lambda: "the moon is not full", 0.1)
    process.stop(home, "one", 5)


def test_a_program_that_cannot_be_started_is_named(home: Home) -> None:
    with pytest.raises(StackError, match=r"one cannot be started: /nowhere/at-all"):
        process.start(home, process.Launch("one", ["/nowhere/at-all"], {}))


def test_signals_that_python_ignores_reach_the_process(home: Home) -> None:
    started = start(home, "import signal; print(signal.getsignal(2).__name__)")
    process.wait_gone(started, 10)
    assert process.last_lines(home, "one", 5) == [signal.default_int_handler.__name__]


def test_the_last_lines_are_the_last(home: Home) -> None:
    process.wait_gone(start(home, "for i in range(5000): print(i)"), 10)
    assert process.last_lines(home, "one", 3) == ["4997", "4998", "4999"]
    assert process.last_lines(home, "one", 0) == []
    assert process.last_lines(home, "other", 3) == []

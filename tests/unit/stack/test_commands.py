"""The command line's own manners, with no stack running."""

import re
from pathlib import Path

import pytest

from tollway_cli.__main__ import main


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["tollway", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


@pytest.fixture(autouse=True)
def _empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOLLWAY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TOLLWAY_PORT_BASE", raising=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status"], "No stack was ever started in .*make up"),
        (["logs"], "There are no logs yet .*make up"),
        (["logs", "nope"], "There is no process 'nope'"),
        (["up", "--port-base", "80"], "80 cannot be a port base"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert (code, out) == (1, "")
    assert re.search(said, err)
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [["nope"], ["up", "--nope"], ["up", "--port-base", "x"]])
def test_what_is_typed_wrong_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "Traceback" not in err


def test_down_with_nothing_running_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(monkeypatch, capsys, "down")
    assert code == 0
    assert out.startswith("Nothing ran in")


def test_doctor_looks_at_the_machine_before_the_first_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(monkeypatch, capsys, "doctor")
    assert {line.split()[1] for line in out.splitlines() if not line.startswith(" ")} == {
        "python:",
        "disk:",
        "state:",
        "ports:",
    }

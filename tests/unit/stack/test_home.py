"""The state folder: whose it is, what it remembers, how it is written."""

import stat
from pathlib import Path

import pytest

from tollway_cli.stack import StackError
from tollway_cli.stack.home import Home, Memory, write_private


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


def test_a_new_home_is_open_to_its_owner_alone(home: Home) -> None:
    home.prepare()
    folders = [home.root, *(path for path in home.root.iterdir() if path.is_dir())]
    assert len(folders) > 5
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_modes_that_were_opened_are_closed_again(home: Home) -> None:
    home.prepare()
    home.remember(Memory(8000))
    home.keys.chmod(0o755)
    home.prepare()
    assert stat.S_IMODE(home.keys.stat().st_mode) == 0o700


def test_somebody_elses_folder_is_refused_untouched(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StackError, match="Name an empty or new folder with TOLLWAY_HOME"):
        Home.at(tmp_path).prepare()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_first_up_that_was_cut_short_at_once_may_be_repeated(home: Home) -> None:
    home.prepare()
    (home.root / ".stack.json.x1").write_text("{")
    with home.locked():
        home.prepare()


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StackError, match="home cannot be"):
        Home.at(tmp_path / "home").prepare()


def test_memory_survives(home: Home) -> None:
    home.prepare()
    assert home.recall() is None
    home.remember(Memory(9000))
    assert home.recall() == Memory(9000, complete=False)
    home.complete()
    assert home.recall() == Memory(9000, complete=True)


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"format": 1}', '{"format": 1, "port_base": "x"}']
)
def test_a_damaged_memory_is_named_with_the_way_out(home: Home, damage: str) -> None:
    home.prepare()
    home.memory_file.write_text(damage)
    with pytest.raises(StackError, match="rm -rf"):
        home.recall()


def test_a_later_format_is_not_touched(home: Home) -> None:
    home.prepare()
    home.memory_file.write_text('{"format": 99}')
    with pytest.raises(StackError, match="another version"):
        home.recall()


def test_the_lock_admits_one_and_is_free_again_afterwards(home: Home) -> None:
    with home.locked(), pytest.raises(StackError, match="right now"), home.locked():
        pass
    with home.locked():
        pass


def test_a_private_file_is_whole_or_not_there(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    write_private(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(file, "new \ud800")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

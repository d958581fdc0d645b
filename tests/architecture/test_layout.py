"""Rules of the layout that no linter knows. Import layers are in .importlinter."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SERVICES = ("registry", "secrets", "router", "metering")
MAX_LINES = 400

# Assembled, so that this file itself holds none of them.
INDEX_HOSTS = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"))]


def tracked(*patterns: str) -> list[Path]:
    """Files of the project: what git tracks, and what it would if it were added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [REPOSITORY / name for name in listed if (REPOSITORY / name).is_file()]


SOURCES = [file for file in tracked("*.py") if "src" in file.parts]


def test_no_package_hides_the_standard_library_s():
    """`services/secrets` as a package on the path would be imported as `secrets`."""
    for file in tracked("*__init__.py"):
        where = file.relative_to(REPOSITORY)
        assert "src" in where.parts, f"{where} makes a package of a folder that must not be one"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_files_that_every_service_has(service):
    package = REPOSITORY / "services" / service / "src" / f"tollway_{service}"
    for name in ("__init__.py", "__main__.py", "app.py", "settings.py", "py.typed"):
        assert (package / name).is_file(), name


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_a_source_file_has_one_noun(file):
    assert len(file.read_text().splitlines()) <= MAX_LINES
    assert not re.search(r"(^|_)(utils?|helpers?|common|misc|manager)$", file.stem)


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_the_environment_is_read_in_settings_only(file):
    if file.name == "settings.py":
        return
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}:
            assert ast.unparse(node) not in {"os.environ", "os.getenv"}, f"line {node.lineno}"


def test_no_address_of_a_package_index_is_named():
    for file in tracked():
        text = file.read_bytes()
        for host in INDEX_HOSTS:
            assert host.encode() not in text, file


def test_the_lock_pins_and_hashes_everything():
    lock = (REPOSITORY / "requirements.lock").read_text()
    requirements = re.findall(
        r"^([a-z0-9][^\s]*)(?:[^\\\n]*)\\\n((?:    --hash=.*\n?)+)", lock, re.M
    )
    pinned = re.findall(r"^[a-z0-9][a-z0-9._-]*==", lock, re.M)
    assert len(requirements) == len(pinned) > 50


@pytest.mark.parametrize("package", tracked("services/*/pyproject.toml", "libs/*/pyproject.toml"))
def test_every_dependency_of_a_package_is_locked(package):
    lock = (REPOSITORY / "requirements.lock").read_text()
    project = tomllib.loads(package.read_text())["project"]
    for requirement in project["dependencies"]:
        name = re.split(r"[\[<>=;~! ]", requirement)[0]
        assert name.startswith("tollway-") or re.search(rf"^{name}==", lock, re.M), name

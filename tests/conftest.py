"""What tests of several kinds stand on: real infrastructure, and the whole stack, once a run.

Both are started by the code behind `make up`, on free ports and in temporary folders.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.infrastructure import Infrastructure

from tollway_cli.stack import Stack

REPOSITORY = Path(__file__).parents[1]
CORPUS = REPOSITORY.parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def state_folder() -> Iterator[Path]:
    """A folder with a short name: sockets live in it, whose paths may not be long."""
    folder = Path(tempfile.mkdtemp(prefix="tollway-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def infrastructure(state_folder: Path) -> Iterator[Infrastructure]:
    """PostgreSQL, OpenBao and a Kafka broker, without services."""
    with Stack(state_folder / "infrastructure") as stack:
        stack.up_infrastructure()
        yield Infrastructure(stack)


@pytest.fixture(scope="session")
def stack(state_folder: Path) -> Iterator[Stack]:
    """The whole stack, up and seeded. The simulator replays the recordings, where they are."""
    overrides = {"router": {"TOLLWAY_FIRST_BYTE_TIMEOUT": "3"}}
    if CORPUS.exists():
        overrides["simulator"] = {"TOLLWAY_SIMULATOR_CORPUS": str(CORPUS)}
    with Stack(state_folder / "stack", overrides=overrides) as stack:
        stack.up()
        yield stack


def pytest_report_header() -> str:
    """Say whether the recordings are there; with CI=true they must be."""
    if CORPUS.exists():
        return f"recorded traffic: {CORPUS}"
    if os.environ.get("CI") == "true":
        pytest.exit(f"CI=true, and the recorded traffic is not at {CORPUS}", returncode=1)
    return f"recorded traffic: not at {CORPUS}; the tests that need it say so and stand aside"

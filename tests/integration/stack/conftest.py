"""A stack of infrastructure alone, on free ports, in a folder of its own, for each test module."""

from collections.abc import Iterator

import pytest

from tollway_cli.stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack") / "home") as stack:
        stack.up_infrastructure()
        yield stack

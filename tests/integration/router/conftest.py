"""The client to providers, as its tests call it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.odd_providers import (
    calling,
)

from tollway_router.upstream.client import UpstreamClient


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[UpstreamClient]:
    """A client that may call loopback and waits 0.3 s for anything."""
    async with calling(tmp_path) as client:
        yield client

"""A running simulator for each test session, emptied before each test, and real SDKs on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anthropic
import httpx2
import openai
import pytest

from tollway_simulator.server import SimulatorThread
from tollway_simulator.settings import SimulatorSettings

KEY = "sk-simulated-0123456789"


@pytest.fixture(scope="session")
def running() -> Iterator[SimulatorThread]:
    with SimulatorThread(SimulatorSettings(port=0)) as thread:
        yield thread


@pytest.fixture
def url(running: SimulatorThread) -> str:
    httpx2.post(f"{running.url}/sim/reset").raise_for_status()
    return running.url


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        base_url=url, timeout=5, headers={"authorization": f"Bearer {KEY}"}
    ) as client:
        yield client


@pytest.fixture
async def chat(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{url}/v1", api_key=KEY, max_retries=0, timeout=5
    ) as client:
        yield client


@pytest.fixture
async def claude(url: str) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        base_url=url, api_key=KEY, max_retries=0, timeout=5
    ) as client:
        yield client


@pytest.fixture(scope="session")
def corpus() -> Path:
    folder = Path(__file__).parents[3].parent / "shared" / "corpus"
    if not (folder / "x").is_dir():
        pytest.skip("the recorded provider traffic is not here")
    return folder

"""Usage is neither lost nor counted twice when what stands between a client and the ledger dies."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import openai
import pytest
from support.workspaces import Workspace, until

from tollway_cli.stack import Stack

ASK = [{"role": "user", "content": "Hello there"}]


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """A stack of this file's own, because parts of it are killed."""
    folder = Path(tempfile.mkdtemp(prefix="tollway-"))
    with Stack(folder) as stack:
        stack.up()
        yield stack
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def place(own_stack: Stack) -> AsyncIterator[tuple[Workspace, str]]:
    workspace = await Workspace(own_stack, "survivor").make()
    simulator = workspace.addresses.simulator
    await workspace.create(
        "providers", "openai", spec="openai-chat-completions", base_url=simulator
    )
    await workspace.model("chat", "openai")
    await workspace.model("slow", "openai", "sim-echo;tokens=2000;delay=20")
    await workspace.price("chat", input="1", output="1")
    key = await workspace.key()
    await workspace.routed(key, "chat", "slow")
    yield workspace, key
    await workspace.close()


def client_of(place) -> openai.AsyncOpenAI:
    workspace, key = place
    return openai.AsyncOpenAI(
        base_url=f"{workspace.addresses.router}/v1", api_key=key, max_retries=0
    )


async def ask(place) -> str:
    async with client_of(place) as client:
        raw = await client.chat.completions.with_raw_response.create(model="chat", messages=ASK)
    return str(raw.headers["x-tollway-request-id"])


async def test_a_router_killed_amid_a_stream_still_tells_of_the_attempt(own_stack, place):
    async with client_of(place) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="slow", messages=ASK, stream=True
        )
        stream = raw.parse()
        await anext(aiter(stream))
        own_stack.kill("router")
        with pytest.raises((openai.APIError, httpx2.HTTPError)):
            async for _ in stream:
                pass
    own_stack.up()
    (item,) = await place[0].usage(raw.headers["x-tollway-request-id"])
    assert (item["outcome"], item["estimated"]) == ("router_stopped", True)
    assert item["meters"]["input_uncached"] > 0


async def test_usage_recorded_while_kafka_is_away_arrives_once_it_is_back(own_stack, place):
    own_stack.kill("kafka")
    request_ids = [await ask(place) for _ in range(3)]
    own_stack.up()
    for request_id in request_ids:
        (item,) = await place[0].usage(request_id)
        assert (item["outcome"], item["estimated"]) == ("ok", False)


async def test_requests_are_answered_while_all_that_stands_behind_the_router_is_away(
    own_stack, place
):
    await ask(place)
    for name in ("registry", "secrets", "metering", "kafka", "openbao", "postgres"):
        own_stack.kill(name)
    request_id = await ask(place)
    own_stack.up()
    (item,) = await place[0].usage(request_id)
    assert item["outcome"] == "ok"

    async def priced():
        report = await place[0].costs()
        return report["unpriced"]["requests"] == 1  # `slow` has no price; all others are charged

    await until(priced, "everything else to be charged")

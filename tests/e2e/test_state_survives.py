"""`make down` and `make up` again: models, keys, usage and costs are still there."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from support.workspaces import Workspace, until

from tollway_cli.stack import Stack

ASK = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tollway-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def ask(stack: Stack) -> str:
    env = stack.env
    async with openai.AsyncOpenAI(
        base_url=env["OPENAI_BASE_URL"], api_key=env["OPENAI_API_KEY"], max_retries=0
    ) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="demo-chat", messages=ASK
        )
    return raw.headers["x-tollway-request-id"]


async def test_models_keys_usage_and_costs_survive_down_and_up(folder):
    with Stack(folder) as stack:
        first_up = stack.up()
        demo = Workspace(stack, "demo")
        (before,) = await demo.usage(await ask(stack))

        async def total():
            report = await demo.costs()
            return report if report["total"] != "0" else None

        costs = await until(total, "a cost")
        await demo.close()
        stack.down()

        second_up = stack.up()
        assert second_up.api_key == first_up.api_key
        demo = Workspace(stack, "demo")
        (after,) = await demo.usage(before["request_id"])
        assert (after["id"], after["raw_usage"]) == (before["id"], before["raw_usage"])
        assert (await demo.costs())["total"] == costs["total"]
        # The broker came back empty, so this needs everything to have been published anew.
        (again,) = await demo.usage(await ask(stack))
        assert again["outcome"] == "ok"
        await demo.close()


async def test_a_second_up_starts_only_what_has_died(folder):
    with Stack(folder) as stack:
        stack.up()
        stack.kill("router")
        again = stack.up()
        assert again.started == ("router",)
        assert (await ask(stack)).startswith("req_")

"""Workspaces of the running stack."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from support.workspaces import Workspace

from tollway_cli.stack import Stack

NewWorkspace = Callable[[str], Awaitable[Workspace]]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
async def new_workspace(stack: Stack) -> AsyncIterator[NewWorkspace]:
    """Makes a workspace with the simulator as both providers, `openai` and `anthropic`."""
    made: list[Workspace] = []

    async def make(name: str) -> Workspace:
        workspace = await Workspace(stack, f"{name}-{next(_numbers)}").make()
        made.append(workspace)
        await workspace.credential("simulator", "sk-simulated-0123456789")
        simulator = workspace.addresses.simulator
        for provider, spec in (
            ("openai", "openai-chat-completions"),
            ("anthropic", "anthropic"),
        ):
            await workspace.create(
                "providers", provider, spec=spec, base_url=simulator, credential="simulator"
            )
        return workspace

    yield make
    for workspace in made:
        await workspace.close()


@pytest.fixture(scope="session")
async def demo(stack: Stack) -> AsyncIterator[Workspace]:
    """The workspace that `make up` seeds."""
    workspace = Workspace(stack, "demo")
    yield workspace
    await workspace.close()

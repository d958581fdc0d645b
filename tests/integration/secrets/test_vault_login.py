"""Where the service's Vault token comes from, and that it does not end while the service runs."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ACCOUNT = "system:serviceaccount:tollway:tollway-secrets"


async def works_for(api: Any, workspace: str, seconds: float) -> None:
    await api.create(workspace)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = await api.material(workspace)
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(0.2)


async def test_a_token_in_a_file_is_renewed_before_it_ends(
    configure: Any, start: Any, shared_vault: Any, tmp_path: Path, workspace: str
) -> None:
    file = tmp_path / "token"
    file.write_text(shared_vault.new_token(period="4s"))
    settings = configure(vault_url=shared_vault.url, vault_token_file=file)
    async with start(settings) as api:
        await works_for(api, workspace, 7)


async def test_a_token_that_cannot_be_renewed_is_used_as_long_as_it_holds(
    configure: Any, start: Any, shared_vault: Any, tmp_path: Path, workspace: str
) -> None:
    file = tmp_path / "token"
    file.write_text(shared_vault.new_token(period="", ttl="1h", renewable=False))
    settings = configure(vault_url=shared_vault.url, vault_token_file=file)
    async with start(settings) as api:
        await api.create(workspace)
        assert (await api.material(workspace)).status_code == 200
        checks = (await api.client.get("/readyz")).json()["checks"]
        assert checks["vault"]["ok"] is True


async def test_another_token_in_the_file_is_taken_up_while_the_old_one_still_holds(
    configure: Any, start: Any, shared_vault: Any, tmp_path: Path, workspace: str
) -> None:
    file = tmp_path / "token"
    old = shared_vault.new_token()
    file.write_text(old)
    settings = configure(vault_url=shared_vault.url, vault_token_file=file)
    async with start(settings) as api:
        await api.create(workspace)
        file.write_text(shared_vault.new_token())
        await asyncio.sleep(2.5)
        shared_vault.root("POST", "auth/token/revoke", token=old)
        assert (await api.material(workspace)).status_code == 200


class TokenReviews(ThreadingHTTPServer):
    """The part of a Kubernetes API server that says whether a service account's token holds."""

    def __init__(self, good: str) -> None:
        super().__init__(("127.0.0.1", 0), Reviewer)
        self.good = good
        self.asked = 0


class Reviewer(BaseHTTPRequestHandler):
    server: TokenReviews

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked += 1
        known = review["spec"]["token"] == self.server.good
        user = {"username": ACCOUNT, "uid": "1", "groups": ["system:serviceaccounts"]}
        status = {"authenticated": True, "user": user} if known else {"authenticated": False}
        body = json.dumps({**review, "status": status}).encode()
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def account_token() -> str:
    now = int(time.time())
    claims = {
        "iss": "https://kubernetes.default.svc.cluster.local",
        "sub": ACCOUNT,
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 3600,
        "kubernetes.io": {
            "namespace": "tollway",
            "serviceaccount": {"name": "tollway-secrets", "uid": "1"},
        },
    }
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256")


def certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def cluster(shared_vault: Any) -> Iterator[TokenReviews]:
    """A cluster whose service account `tollway-secrets` may log in to the shared vault."""
    server = TokenReviews(account_token())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shared_vault.root("POST", "sys/auth/kubernetes", type="kubernetes")
    shared_vault.root(
        "POST",
        "auth/kubernetes/config",
        kubernetes_host=f"http://127.0.0.1:{server.server_address[1]}",
        kubernetes_ca_cert=certificate(),  # demanded, and not used over http
        disable_local_ca_jwt=True,
        token_reviewer_jwt=account_token(),
    )
    shared_vault.root(
        "POST",
        "auth/kubernetes/role/tollway-secrets",
        bound_service_account_names=["tollway-secrets"],
        bound_service_account_namespaces=["tollway"],
        token_policies=["tollway-secrets"],
        token_no_default_policy=True,
        token_ttl="4s",
        token_max_ttl="4s",
    )
    yield server
    shared_vault.root("DELETE", "sys/auth/kubernetes")
    server.shutdown()
    server.server_close()


def by_kubernetes(configure: Any, vault: Any, file: Path) -> Any:
    return configure(
        vault_url=vault.url,
        vault_auth="kubernetes",
        vault_role="tollway-secrets",
        vault_token_file=None,
        vault_kubernetes_token_file=file,
    )


async def test_a_service_account_logs_in_again_before_its_login_ends(
    configure: Any,
    start: Any,
    shared_vault: Any,
    cluster: TokenReviews,
    tmp_path: Path,
    workspace: str,
) -> None:
    file = tmp_path / "jwt"
    file.write_text(cluster.good)
    async with start(by_kubernetes(configure, shared_vault, file)) as api:
        await works_for(api, workspace, 7)
    assert 2 <= cluster.asked <= 6


async def test_an_unknown_service_account_does_not_get_in_and_does_not_hammer(
    configure: Any,
    start: Any,
    shared_vault: Any,
    cluster: TokenReviews,
    tmp_path: Path,
    workspace: str,
) -> None:
    file = tmp_path / "jwt"
    file.write_text(account_token() + "x")
    async with start(by_kubernetes(configure, shared_vault, file)) as api:
        body = {"name": "key", "type": "api-key", "data": {"api_key": "k"}}
        for _ in range(3):
            answer = await api.call(
                "POST", f"{workspace}/credentials", api.admin(workspace), json=body
            )
            assert answer.status_code == 503
        checks = (await api.client.get("/readyz")).json()["checks"]
        assert checks["vault"]["ok"] is False

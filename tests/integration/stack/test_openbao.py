"""The local OpenBao: what the secrets service's token may do, and what survives."""

import base64
import json
from collections.abc import Iterator

import httpx2
import pytest

from tollway_cli.stack import Stack

CONTEXT = base64.b64encode(b"cred_1").decode()
PLAINTEXT = base64.b64encode(b"sk-canary").decode()


@pytest.fixture
def recovered(stack: Stack) -> Iterator[Stack]:
    """The module's stack, running again after the test."""
    yield stack
    stack.up_infrastructure()


class Vault:
    """OpenBao's API with the secrets service's token."""

    def __init__(self, stack: Stack) -> None:
        self._url = f"{stack.addresses.openbao}/v1"
        self._token = stack.site.openbao.token_file.read_text().strip()

    def ask(self, method: str, path: str, **body: object) -> httpx2.Response:
        headers = {"X-Vault-Token": self._token}
        return httpx2.request(method, f"{self._url}/{path}", json=body or None, headers=headers)

    def make_key(self, name: str) -> httpx2.Response:
        return self.ask("POST", f"transit/keys/{name}", type="aes256-gcm96", derived=True)

    def encrypt(self, name: str) -> str:
        answer = self.ask("POST", f"transit/encrypt/{name}", plaintext=PLAINTEXT, context=CONTEXT)
        assert answer.is_success, answer.text
        ciphertext: str = answer.json()["data"]["ciphertext"]
        return ciphertext

    def decrypt(self, name: str, ciphertext: str, context: str = CONTEXT) -> httpx2.Response:
        return self.ask("POST", f"transit/decrypt/{name}", ciphertext=ciphertext, context=context)


@pytest.fixture
def vault(stack: Stack) -> Vault:
    return Vault(stack)


def test_the_token_encrypts_and_decrypts_with_a_derived_key(vault: Vault) -> None:
    assert vault.make_key("tollway-a").is_success
    ciphertext = vault.encrypt("tollway-a")
    assert vault.decrypt("tollway-a", ciphertext).json()["data"]["plaintext"] == PLAINTEXT


def test_ciphertext_does_not_open_in_another_context(vault: Vault) -> None:
    vault.make_key("tollway-a")
    other = base64.b64encode(b"cred_2").decode()
    assert vault.decrypt("tollway-a", vault.encrypt("tollway-a"), other).status_code == 400


def test_the_token_rotates_and_rewraps(vault: Vault) -> None:
    vault.make_key("tollway-b")
    ciphertext = vault.encrypt("tollway-b")
    assert vault.ask("POST", "transit/keys/tollway-b/rotate").is_success
    rewrapped = vault.ask(
        "POST", "transit/rewrap/tollway-b", ciphertext=ciphertext, context=CONTEXT
    )
    newer = rewrapped.json()["data"]["ciphertext"]
    assert newer.startswith("vault:v2:")
    assert vault.decrypt("tollway-b", newer).json()["data"]["plaintext"] == PLAINTEXT


def test_the_token_cannot_destroy_a_key(vault: Vault) -> None:
    vault.make_key("tollway-c")
    assert (
        vault.ask("POST", "transit/keys/tollway-c/config", deletion_allowed=True).status_code == 403
    )
    assert vault.ask("DELETE", "transit/keys/tollway-c").status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "sys/policies/acl/tollway-secrets", {}),
        ("PUT", "sys/policies/acl/tollway-secrets", {"policy": 'path "*" {}'}),
        ("GET", "sys/mounts", {}),
        ("POST", "sys/mounts/kv", {"type": "kv"}),
        ("POST", "sys/seal", {}),
        ("POST", "auth/token/create", {}),
        ("POST", "auth/token/create-orphan", {}),
        ("GET", "cubbyhole/x", {}),
        ("POST", "transit/keys/other", {"type": "aes256-gcm96"}),
        ("POST", "transit/encrypt/other", {"plaintext": PLAINTEXT}),
        ("POST", "transit/encrypt/tollway-never-made", {"plaintext": PLAINTEXT}),
        ("GET", "transit/export/encryption-key/tollway-x", {}),
        ("GET", "transit/backup/tollway-x", {}),
        ("POST", "transit/restore/tollway-y", {"backup": "x"}),
        ("POST", "transit/datakey/plaintext/tollway-x", {}),
        ("POST", "transit/hmac/tollway-x", {"input": PLAINTEXT}),
        ("POST", "transit/keys/tollway-x/config", {"exportable": True}),
        ("POST", "transit/keys/tollway-x/config", {"allow_plaintext_backup": True}),
        ("POST", "transit/keys/tollway-x/config", {"min_decryption_version": 1}),
        ("POST", "transit/keys/tollway-x/trim", {"min_available_version": 1}),
        ("POST", "transit/keys/tollway-y/import", {"ciphertext": "x"}),
        ("POST", "transit/keys/tollway-y", {"type": "aes256-gcm96", "exportable": True}),
        ("POST", "transit/keys/tollway-y", {"type": "rsa-2048"}),
        ("POST", "transit/keys/tollway-y", {"type": "aes256-gcm96", "derived": False}),
        ("GET", "transit/keys?list=true", {}),
    ],
)
def test_the_token_is_refused_everything_else(
    vault: Vault, method: str, path: str, body: dict[str, object]
) -> None:
    vault.make_key("tollway-x")
    assert vault.ask(method, path, **body).status_code == 403


def test_what_was_encrypted_survives_kill_9(recovered: Stack) -> None:
    before = Vault(recovered)
    before.make_key("tollway-kept")
    ciphertext = before.encrypt("tollway-kept")
    recovered.kill("openbao")
    assert recovered.up_infrastructure().started == ("openbao",)
    answer = Vault(recovered).decrypt("tollway-kept", ciphertext)
    assert answer.json()["data"]["plaintext"] == PLAINTEXT


def test_no_root_token_is_left(stack: Stack) -> None:
    assert set(json.loads((stack.home.keys / "openbao.json").read_text())) == {
        "recovery_key",
        "policy",
    }


def test_the_way_to_a_new_root_token_is_closed(vault: Vault) -> None:
    assert not vault.ask("PUT", "sys/generate-root/attempt").is_success


@pytest.mark.parametrize("loss", ["token", "policy", "revoked root"])
def test_what_is_lost_or_outdated_is_made_anew(recovered: Stack, loss: str) -> None:
    before = Vault(recovered)
    before.make_key("tollway-d")
    ciphertext = before.encrypt("tollway-d")
    access_file = recovered.home.keys / "openbao.json"
    access = json.loads(access_file.read_text())
    if loss == "token":
        recovered.site.openbao.token_file.unlink()
    else:
        more = {"root_token": "s.revoked"} if loss == "revoked root" else {}
        access_file.write_text(json.dumps({**access, "policy": "older", **more}))
    recovered.kill("openbao")
    recovered.up_infrastructure()
    assert Vault(recovered).decrypt("tollway-d", ciphertext).is_success
    assert json.loads(access_file.read_text()) == access
    assert not Vault(recovered).ask("PUT", "sys/generate-root/attempt").is_success

"""The committed policy: enough for the service (the other tests use it), and nothing more."""

from typing import Any

import pytest

CONTEXT = "Y3JlZF8x"


@pytest.fixture
def token(shared_vault: Any) -> str:
    return str(shared_vault.new_token())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "transit/keys/tollway-p", {"type": "aes256-gcm96", "derived": True}),
        ("POST", "transit/keys/tollway-p/rotate", {}),
        ("POST", "transit/encrypt/tollway-p", {"plaintext": "YQ==", "context": CONTEXT}),
        ("POST", "auth/token/renew-self", {}),
    ],
)
def test_what_the_service_does_is_allowed(
    shared_vault: Any, token: str, method: str, path: str, body: dict[str, Any]
) -> None:
    key = {"type": "aes256-gcm96", "derived": True}
    shared_vault.root("POST", "transit/keys/tollway-p", **key)
    assert shared_vault.ask(method, path, token, **body).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "transit/keys/tollway-q", {"type": "aes256-gcm96", "derived": False}),
        ("POST", "transit/keys/tollway-q", {"derived": True, "exportable": True}),
        ("POST", "transit/keys/other", {"type": "aes256-gcm96", "derived": True}),
        ("GET", "transit/keys/tollway-p", {}),
        ("DELETE", "transit/keys/tollway-p", {}),
        ("DELETE", "transit/keys/tollway-p/soft-delete", {}),
        ("POST", "transit/keys/tollway-p/config", {"deletion_allowed": True}),
        ("POST", "transit/keys/tollway-p/config", {"min_decryption_version": 2}),
        ("POST", "transit/keys/tollway-p/config", {"exportable": True}),
        ("POST", "transit/keys/tollway-p/trim", {"min_available_version": 1}),
        ("POST", "transit/keys/tollway-p/import_version", {"ciphertext": "AAAA"}),
        ("POST", "transit/keys/other/rotate", {}),
        ("POST", "transit/encrypt/other", {"plaintext": "YQ==", "context": CONTEXT}),
        ("POST", "transit/decrypt/other", {"ciphertext": "vault:v1:A", "context": CONTEXT}),
        ("GET", "transit/export/encryption-key/tollway-p", {}),
        ("GET", "transit/backup/tollway-p", {}),
        ("POST", "transit/restore/tollway-p", {"backup": "A"}),
        ("POST", "transit/datakey/plaintext/tollway-p", {"context": CONTEXT}),
        ("GET", "transit/keys?list=true", {}),
        ("GET", "sys/mounts", {}),
        ("POST", "auth/token/create", {}),
        ("GET", "auth/token/lookup-self", {}),
    ],
)
def test_everything_else_is_refused(
    shared_vault: Any, token: str, method: str, path: str, body: dict[str, Any]
) -> None:
    shared_vault.root("POST", "transit/keys/tollway-p", type="aes256-gcm96", derived=True)
    assert shared_vault.ask(method, path, token, **body).status_code == 403

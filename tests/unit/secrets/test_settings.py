"""What the service asks of its environment."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tollway_secrets.settings import SecretsSettings

NEEDED = {
    "TOLLWAY_DATABASE_URL": "postgresql+psycopg://user@localhost/secrets",
    "TOLLWAY_KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
    "TOLLWAY_PEOPLE_ISSUER": "people",
    "TOLLWAY_PEOPLE_JWKS": "/etc/people.json",
    "TOLLWAY_SERVICE_ISSUER": "services",
    "TOLLWAY_SERVICE_JWKS": "/etc/services.json",
    "TOLLWAY_VAULT_URL": "https://vault.example:8200",
}


def settings(monkeypatch: pytest.MonkeyPatch, **more: str) -> SecretsSettings:
    for name, value in {**NEEDED, **more}.items():
        monkeypatch.setenv(name, value)
    return SecretsSettings()


def test_the_variables_are_those_with_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(monkeypatch, TOLLWAY_VAULT_TOKEN_FILE="/run/token", TOLLWAY_PORT="8002")
    assert made.vault_token_file == Path("/run/token")
    assert made.port == 8002
    assert made.router_subject == "tollway-router"


def test_a_token_file_is_needed_for_token_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(monkeypatch)
    assert [error["loc"] for error in caught.value.errors()] == [("vault_token_file",)]


def test_a_role_is_needed_for_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(monkeypatch, TOLLWAY_VAULT_AUTH="kubernetes")
    assert [error["loc"] for error in caught.value.errors()] == [("vault_role",)]
    made = settings(monkeypatch, TOLLWAY_VAULT_AUTH="kubernetes", TOLLWAY_VAULT_ROLE="secrets")
    assert made.vault_role == "secrets"

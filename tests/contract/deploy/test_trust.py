"""The tokens of the compose file are believed by the services that are to believe them."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tollway_contracts.vocabulary import Role
from tollway_kit.auth import Issuer
from tollway_kit.errors import Unauthenticated
from tollway_kit.jwks import KeySet


@pytest.fixture
def trust(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("trust.py")


@pytest.fixture
def folder(trust: ModuleType, tmp_path: Path) -> Path:
    trust.provide(tmp_path / "trust.pem", tmp_path / "jwks.json", tmp_path / "router")
    return tmp_path


@pytest.fixture
def secrets(compose: dict[str, Any], filled_in: Callable[[str], str]) -> dict[str, str]:
    given = compose["services"]["secrets"]["environment"]
    return {name: filled_in(value) for name, value in given.items()}


async def test_secrets_believes_the_routers_token(folder: Path, secrets: dict[str, str]) -> None:
    keys = KeySet(str(folder / "jwks.json"))
    issuer = Issuer(secrets["TOLLWAY_SERVICE_ISSUER"], "tollway-secrets", keys)
    claims = await issuer.claims((folder / "router").read_text().strip())
    assert claims["sub"] == secrets["TOLLWAY_ROUTER_SUBJECT"]


async def test_people_services_believe_the_admins_token(
    trust: ModuleType, folder: Path, secrets: dict[str, str]
) -> None:
    keys = KeySet(str(folder / "jwks.json"))
    name, audience = secrets["TOLLWAY_PEOPLE_ISSUER"], secrets["TOLLWAY_PEOPLE_AUDIENCE"]
    claims = await Issuer(name, audience, keys).claims(
        trust.admin_token(folder / "trust.pem", hours=1)
    )
    assert claims["tollway_roles"] == {"*": [Role.ADMIN.value]}
    assert claims["exp"] - claims["iat"] == 3600


async def test_the_routers_token_is_nobodys_token_for_people(
    folder: Path, secrets: dict[str, str]
) -> None:
    keys = KeySet(str(folder / "jwks.json"))
    name, audience = secrets["TOLLWAY_PEOPLE_ISSUER"], secrets["TOLLWAY_PEOPLE_AUDIENCE"]
    with pytest.raises(Unauthenticated):
        await Issuer(name, audience, keys).claims((folder / "router").read_text().strip())


def test_another_run_keeps_the_key(trust: ModuleType, folder: Path) -> None:
    key, public = (folder / "trust.pem").read_bytes(), (folder / "jwks.json").read_bytes()
    trust.provide(folder / "trust.pem", folder / "jwks.json", folder / "router")
    assert (folder / "trust.pem").read_bytes() == key
    assert (folder / "jwks.json").read_bytes() == public


def test_files_are_private(folder: Path) -> None:
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_the_admins_token_is_printed_and_not_stored(
    trust: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(folder.iterdir())
    trust.main(["--key", str(folder / "trust.pem"), "admin-token", "--hours", "2"])
    assert capsys.readouterr().out.count(".") == 2
    assert set(folder.iterdir()) == before

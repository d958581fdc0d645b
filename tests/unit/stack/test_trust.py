"""Local trust: keys, tokens, and what a verifier makes of them."""

import json
import stat
from pathlib import Path
from typing import Any

import jwt
import pytest

from tollway_cli.stack import StackError
from tollway_cli.stack.home import Home
from tollway_cli.stack.trust import PEOPLE_AUDIENCE, SECRETS_AUDIENCE, Trust


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    home = Home.at(tmp_path / "home")
    home.prepare()
    trust = Trust(home)
    trust.provide()
    return trust


def verified(trust: Trust, token: str, audience: str, issuer: str) -> dict[str, Any]:
    """What a service does: the key by its id from the published set, then the claims."""
    keys = jwt.PyJWKSet.from_dict(json.loads(trust.home.jwks.read_text()))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["ES256"], audience=audience, issuer=issuer
    )
    return claims


def test_the_routers_token_is_for_secrets_alone(trust: Trust) -> None:
    token = trust.router_token_file.read_text().strip()
    claims = verified(trust, token, SECRETS_AUDIENCE, "tollway-local")
    assert claims["sub"] == "tollway-router"
    with pytest.raises(jwt.InvalidAudienceError):
        verified(trust, token, PEOPLE_AUDIENCE, "tollway-local")


def test_the_admins_token_is_an_admins_everywhere_for_a_year(trust: Trust) -> None:
    claims = verified(trust, trust.admin_token(), "tollway", "tollway-local-people")
    assert claims["sub"] == "bootstrap-admin"
    assert claims["tollway_roles"] == {"*": ["admin"]}
    assert claims["exp"] - claims["iat"] == 365 * 24 * 3600


def test_the_published_keys_hold_nothing_private(trust: Trust) -> None:
    (key,) = json.loads(trust.home.jwks.read_text())["keys"]
    assert set(key) == {"crv", "kty", "x", "y", "kid", "alg", "use"}


def test_keys_and_tokens_are_private_files(trust: Trust) -> None:
    files = (trust.home.keys / "trust.pem", trust.router_token_file, trust.admin_token_file)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_second_up_keeps_the_key_and_renews_the_tokens(trust: Trust) -> None:
    published, token = trust.home.jwks.read_text(), trust.admin_token()
    trust.provide()
    assert trust.home.jwks.read_text() == published
    assert trust.admin_token() != token  # ECDSA signs differently each time
    verified(trust, token, "tollway", "tollway-local-people")


def test_tokens_for_other_people_can_be_made(trust: Trust) -> None:
    token = trust.person_token("ada", {"demo": ["finance"]}, lifetime_seconds=60)
    claims = verified(trust, token, "tollway", "tollway-local-people")
    assert claims["tollway_roles"] == {"demo": ["finance"]}


def test_two_homes_do_not_trust_each_other(trust: Trust, tmp_path: Path) -> None:
    other_home = Home.at(tmp_path / "other")
    other_home.prepare()
    other = Trust(other_home)
    other.provide()
    with pytest.raises(KeyError):
        verified(trust, other.admin_token(), "tollway", "tollway-local-people")


def test_a_damaged_key_is_named_with_the_way_out(trust: Trust) -> None:
    (trust.home.keys / "trust.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(StackError, match=r"trust\.pem is damaged\. Delete that file"):
        trust.provide()

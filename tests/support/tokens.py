"""Tokens that a test's services believe: one ES256 key, its public half in a JWKS file."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

KEY_ID = "test-key"


class Tokens:
    """Makes tokens of people (issuer `test-people`) and of services (issuer `test-services`)."""

    people_issuer = "test-people"
    service_issuer = "test-services"

    def __init__(self, folder: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.jwks = folder / "jwks.json"
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        key = {**public, "kid": KEY_ID, "alg": "ES256", "use": "sig"}
        self.jwks.write_text(json.dumps({"keys": [key]}))

    def person(self, roles: dict[str, list[str]], sub: str = "alice", **overrides: Any) -> str:
        """Return a person's token. An override of None leaves the claim out."""
        return self.signed(
            {
                "iss": self.people_issuer,
                "aud": "tollway",
                "sub": sub,
                "tollway_roles": roles,
                **overrides,
            }
        )

    def service(self, sub: str, audience: str, **overrides: Any) -> str:
        """Return a service's token for the service named by `audience`."""
        return self.signed({"iss": self.service_issuer, "aud": audience, "sub": sub, **overrides})

    def signed(self, claims: dict[str, Any]) -> str:
        """Sign claims, valid from now for ten minutes unless they say otherwise."""
        now = int(time.time())
        stated = {"iat": now, "exp": now + 600, **claims}
        payload = {name: value for name, value in stated.items() if value is not None}
        return jwt.encode(payload, self._key, algorithm="ES256", headers={"kid": KEY_ID})

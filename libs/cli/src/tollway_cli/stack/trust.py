"""Who believes whom on a local stack: one key pair, and the tokens that it signs.

The private key never leaves the state folder. Tokens hold for a year and are made anew at each
`up`; the services read the public key from `jwks.json`.
"""

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tollway_cli.stack.errors import HomeError
from tollway_cli.stack.home import Home, write_private

SERVICE_ISSUER = "tollway-local"
PEOPLE_ISSUER = "tollway-local-people"
PEOPLE_AUDIENCE = "tollway"
ROLES_CLAIM = "tollway_roles"
ROUTER_SUBJECT = "tollway-router"
SECRETS_AUDIENCE = "tollway-secrets"
ADMIN_SUBJECT = "bootstrap-admin"

TOKEN_SECONDS = 365 * 24 * 60 * 60
_ALGORITHM = "ES256"


@dataclass(frozen=True, slots=True)
class Trust:
    """The key pair of a home and what it signs."""

    home: Home

    @property
    def router_token_file(self) -> Path:
        """The token with which the router asks secrets for material."""
        return self.home.tokens / "router-secrets"

    @property
    def admin_token_file(self) -> Path:
        """The token of the bootstrap admin, who may do everything in every workspace."""
        return self.home.tokens / "admin"

    def provide(self) -> None:
        """Make the key pair if there is none, publish it, and make fresh tokens."""
        private = self._private_key()
        jwk = _public_jwk(private)
        write_private(self.home.jwks, json.dumps({"keys": [jwk]}) + "\n")
        router = self.service_token(ROUTER_SUBJECT, SECRETS_AUDIENCE)
        write_private(self.router_token_file, router + "\n")
        admin = self.person_token(ADMIN_SUBJECT, {"*": ["admin"]})
        write_private(self.admin_token_file, admin + "\n")

    def admin_token(self) -> str:
        """Return the bootstrap admin's token."""
        return self.admin_token_file.read_text().strip()

    def service_token(
        self, subject: str, audience: str, lifetime_seconds: int = TOKEN_SECONDS
    ) -> str:
        """Return a token that says a service is `subject`, for the service named by `audience`."""
        return self._sign(SERVICE_ISSUER, subject, audience, lifetime_seconds, {})

    def person_token(
        self,
        subject: str,
        roles: dict[str, list[str]],
        lifetime_seconds: int = TOKEN_SECONDS,
    ) -> str:
        """Return a token of a person with roles in workspaces; `*` stands for all of them."""
        claims = {ROLES_CLAIM: roles}
        return self._sign(PEOPLE_ISSUER, subject, PEOPLE_AUDIENCE, lifetime_seconds, claims)

    def _sign(
        self, issuer: str, subject: str, audience: str, lifetime_seconds: int, more: dict[str, Any]
    ) -> str:
        private = self._private_key()
        now = int(time.time())
        claims = {
            "iss": issuer,
            "sub": subject,
            "aud": audience,
            "iat": now,
            "exp": now + lifetime_seconds,
            **more,
        }
        headers = {"kid": _public_jwk(private)["kid"]}
        return jwt.encode(claims, private, algorithm=_ALGORITHM, headers=headers)

    def _private_key(self) -> ec.EllipticCurvePrivateKey:
        file = self.home.keys / "trust.pem"
        if not file.exists():
            return _new_private_key(file)
        try:
            key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise HomeError(
                f"{file} is damaged. Delete that file; the next `tollway up` makes a new one."
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise HomeError(
                f"{file} is not an EC key. Delete that file; the next `tollway up` makes a new one."
            )
        return key


def _new_private_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(file, pem.decode())
    return key


def _public_jwk(private: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """Return the public half as a JWK whose id is its RFC 7638 thumbprint."""
    jwk = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=")
    return {**required, "kid": thumbprint.decode(), "alg": _ALGORITHM, "use": "sig"}

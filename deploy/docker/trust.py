"""Whom the services of docker-compose.yml believe: one key pair, and the tokens that it signs.

    python trust.py provide       the key pair, its public half, the router's token
    python trust.py admin-token   a token of the bootstrap admin, on standard output

In Kubernetes the cluster signs services' tokens, and an OIDC provider signs people's; nothing of
this exists there.
"""

import argparse
import base64
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

SERVICE_ISSUER = "tollway-local"
PEOPLE_ISSUER = "tollway-local-people"
PEOPLE_AUDIENCE = "tollway"
ROLES_CLAIM = "tollway_roles"
ROUTER_SUBJECT = "tollway-router"
SECRETS_AUDIENCE = "tollway-secrets"
ADMIN_SUBJECT = "bootstrap-admin"

SERVICE_SECONDS = 365 * 24 * 3600  # made anew at each `up`
_ALGORITHM = "ES256"


def provide(key_file: Path, jwks_file: Path, router_token_file: Path) -> None:
    """Write the public key and a fresh token of the router; make the key pair at first."""
    if not key_file.exists():
        _write_private(key_file, _new_private_key())
    private = _private_key(key_file)
    _write_private(jwks_file, json.dumps({"keys": [_public_jwk(private)]}))
    claims = {"iss": SERVICE_ISSUER, "sub": ROUTER_SUBJECT, "aud": SECRETS_AUDIENCE}
    _write_private(router_token_file, _signed(private, claims, SERVICE_SECONDS))


def admin_token(key_file: Path, hours: float) -> str:
    """Return a token that may do everything in every workspace, for some hours."""
    claims = {
        "iss": PEOPLE_ISSUER,
        "sub": ADMIN_SUBJECT,
        "aud": PEOPLE_AUDIENCE,
        ROLES_CLAIM: {"*": ["admin"]},
    }
    return _signed(_private_key(key_file), claims, hours * 3600)


def _signed(private: ec.EllipticCurvePrivateKey, claims: dict[str, Any], seconds: float) -> str:
    now = int(time.time())
    dated = {**claims, "iat": now, "exp": now + int(seconds)}
    headers = {"kid": _public_jwk(private)["kid"]}
    return jwt.encode(dated, private, algorithm=_ALGORITHM, headers=headers)


def _new_private_key() -> str:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()


def _private_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        msg = f"{file} is not an EC key"
        raise TypeError(msg)
    return key


def _public_jwk(private: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """Return the public half as a JWK whose id is its RFC 7638 thumbprint."""
    jwk = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=")
    return {**required, "kid": thumbprint.decode(), "alg": _ALGORITHM, "use": "sig"}


def _write_private(file: Path, text: str) -> None:
    """Write a file of mode 600 that readers see whole or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(text.strip() + "\n", encoding="utf-8")
    partial.replace(file)


def main(arguments: list[str]) -> None:
    """Run a command."""
    parser = argparse.ArgumentParser(description="Makes the tokens of docker-compose.yml.")
    parser.add_argument("--key", type=Path, default=Path("/run/tollway/keys/trust.pem"))
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("provide")
    making.add_argument("--jwks", type=Path, default=Path("/run/tollway/trust/jwks.json"))
    making.add_argument("--router-token", type=Path, default=Path("/run/tollway/tokens/secrets"))
    commands.add_parser("admin-token").add_argument("--hours", type=float, default=12.0)
    chosen = parser.parse_args(arguments)
    if chosen.command == "provide":
        provide(chosen.key, chosen.jwks, chosen.router_token)
    else:
        sys.stdout.write(admin_token(chosen.key, chosen.hours) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

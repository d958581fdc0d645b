"""Keeps the Vault of docker-compose.yml usable: initialised, unsealed, and with one lean token.

    python keeper.py once     initialise, unseal, mount, policy, token; then end
    python keeper.py watch    the same for ever, so that a Vault that restarted opens again

The unseal key lies in a volume beside the Vault. That suits one machine; in production Vault
unseals itself by a KMS and services log in with their Kubernetes identity (docs/deploy.md).

The root token lives until mount, role and the keeper's own token stand, then it is revoked. The
keeper's token may write the policy of the secrets service and make tokens with it, nothing else.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

MOUNT = "transit"
POLICY = "tollway-secrets"
KEEPER_POLICY = "tollway-keeper"
PERIOD = "8760h"  # a machine may rest for long; whoever runs renews well before

TIMEOUT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
PAUSE_SECONDS = 1.0
WATCH_SECONDS = 5.0
RENEW_SECONDS = 3600.0

_KEEPER_RULES = f"""\
path "sys/policies/acl/{POLICY}" {{ capabilities = ["create", "update"] }}
path "auth/token/create/{POLICY}" {{ capabilities = ["create", "update"] }}
path "auth/token/renew-self" {{ capabilities = ["update"] }}
"""


class Refused(Exception):
    """Vault answered, and not with what is needed."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the keeper reads and writes: its own keys, the policy, the token of the service."""

    keys: Path
    policy: Path
    token: Path


@dataclass(frozen=True, slots=True)
class Vault:
    """The calls of Vault's HTTP API that the keeper makes."""

    http: httpx2.Client

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> dict[str, Any]:
        """Return the answer to a call. Raises Refused, whose text never holds what was sent."""
        headers = {"X-Vault-Token": token} if token else {}
        answer = self.http.request(method, f"/v1/{path}", json=body, headers=headers)
        if not answer.is_success:
            msg = f"{method} {path} was answered with {answer.status_code}"
            raise Refused(msg)
        result: dict[str, Any] = answer.json() if answer.content else {}
        return result

    def accepts(self, token: str) -> bool:
        """Renew a token; return whether it still holds."""
        headers = {"X-Vault-Token": token}
        return self.http.put("/v1/auth/token/renew-self", headers=headers).is_success

    def is_active(self) -> bool:
        """Return whether it is initialised, unsealed and takes writes."""
        return self.http.get("/v1/sys/health").status_code == 200


def keep(vault: Vault, places: Places) -> None:
    """Bring Vault from whatever state to the one that the secrets service needs. Repeatable."""
    _initialise(vault, places.keys)
    keys = _read(places.keys)
    _unseal(vault, keys["unseal_key"])
    if "root_token" in keys:
        _use_root(vault, places.keys, keys)
    _provide(vault, places, _read(places.keys)["keeper_token"])


def _initialise(vault: Vault, file: Path) -> None:
    if vault.ask("GET", "sys/init")["initialized"]:
        return
    made = vault.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
    keys = {"unseal_key": made["keys_base64"][0], "root_token": made["root_token"]}
    _write_private(file, json.dumps(keys))


def _unseal(vault: Vault, key: str) -> None:
    if vault.ask("GET", "sys/seal-status")["sealed"]:
        vault.ask("PUT", "sys/unseal", {"key": key})
    deadline = time.monotonic() + ANSWER_SECONDS
    while not vault.is_active():
        if time.monotonic() > deadline:
            msg = "it was unsealed but does not become active"
            raise Refused(msg)
        time.sleep(PAUSE_SECONDS)


def _use_root(vault: Vault, file: Path, keys: dict[str, str]) -> None:
    """Make what only root may make, then give root up."""
    root = keys["root_token"]
    vault.ask("POST", "sys/auth/token/tune", {"max_lease_ttl": PERIOD}, root)
    if f"{MOUNT}/" not in vault.ask("GET", "sys/mounts", token=root)["data"]:
        vault.ask("POST", f"sys/mounts/{MOUNT}", {"type": "transit"}, root)
    vault.ask("PUT", f"sys/policies/acl/{KEEPER_POLICY}", {"policy": _KEEPER_RULES}, root)
    role = {
        "allowed_policies": [POLICY],
        "orphan": True,
        "token_period": PERIOD,
        "token_no_default_policy": True,
    }
    vault.ask("POST", f"auth/token/roles/{POLICY}", role, root)
    wish = {"policies": [KEEPER_POLICY], "no_default_policy": True, "period": PERIOD}
    made = vault.ask("POST", "auth/token/create-orphan", wish, root)
    kept = {"unseal_key": keys["unseal_key"], "keeper_token": made["auth"]["client_token"]}
    # Forgotten before it is revoked: cut short in between, it holds, and nobody has it.
    _write_private(file, json.dumps(kept))
    vault.ask("PUT", "auth/token/revoke-self", token=root)


def _provide(vault: Vault, places: Places, keeper: str) -> None:
    if not vault.accepts(keeper):
        msg = f"the keeper's token in {places.keys} has expired; docs/deploy.md says what to do"
        raise Refused(msg)
    rules = places.policy.read_text(encoding="utf-8")
    vault.ask("PUT", f"sys/policies/acl/{POLICY}", {"policy": rules}, keeper)
    if places.token.exists() and vault.accepts(places.token.read_text().strip()):
        return
    made = vault.ask("POST", f"auth/token/create/{POLICY}", {"policies": [POLICY]}, keeper)
    _write_private(places.token, made["auth"]["client_token"])


def _read(file: Path) -> dict[str, str]:
    if not file.exists():
        msg = f"it is initialised, and {file}, which could open it, is gone"
        raise Refused(msg)
    keys: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return keys


def _write_private(file: Path, text: str) -> None:
    """Write a file of mode 600, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(text + "\n")
        written.flush()
        os.fsync(written.fileno())
    Path(temporary).replace(file)


def once(vault: Vault, places: Places) -> None:
    """Keep once, waiting for a Vault that does not answer yet."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            return keep(vault, places)
        except httpx2.HTTPError:
            if time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)


def watch(vault: Vault, places: Places) -> None:
    """Keep for ever: whenever Vault is not active, and now and then to renew the tokens."""
    renewed_at = float("-inf")
    while True:
        try:
            if time.monotonic() - renewed_at > RENEW_SECONDS or not vault.is_active():
                keep(vault, places)
                renewed_at = time.monotonic()
                _say("vault is open")
        except (Refused, httpx2.HTTPError, OSError) as error:
            _say(f"vault cannot be kept now: {error}")
        time.sleep(WATCH_SECONDS)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main(arguments: list[str]) -> int:
    """Run a command; return 1 where Vault refused."""
    parser = argparse.ArgumentParser(description="Keeps the Vault of docker-compose.yml usable.")
    parser.add_argument("command", choices=("once", "watch"))
    parser.add_argument("--vault", required=True, help="its address")
    for name in ("keys", "policy", "token"):
        parser.add_argument(f"--{name}", required=True, type=Path, help="a file")
    chosen = parser.parse_args(arguments)
    places = Places(chosen.keys, chosen.policy, chosen.token)
    with httpx2.Client(base_url=chosen.vault, timeout=TIMEOUT_SECONDS, trust_env=False) as http:
        try:
            {"once": once, "watch": watch}[chosen.command](Vault(http), places)
        except (Refused, httpx2.HTTPError) as error:
            _say(f"vault: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

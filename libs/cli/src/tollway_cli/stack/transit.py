"""What OpenBao holds for a local stack: the Transit mount and one token of least privilege.

Root is needed for a moment only. Its token is revoked once mount, policy and token stand; when
they must change later, a new root token is made with the recovery key and revoked as well.
"""

import base64
import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2

from tollway_cli.stack.errors import OpenBaoError
from tollway_cli.stack.home import write_private

MOUNT = "transit"
POLICY_NAME = "tollway-secrets"
PERIOD = "8760h"  # renewed at each `up`; a laptop may rest for months


def initialise(client: httpx2.Client, access_file: Path) -> None:
    """Initialise an empty OpenBao; store the recovery key and, for now, the root token."""
    answer = _call(client, "PUT", "sys/init", {"recovery_shares": 1, "recovery_threshold": 1})
    access = {"recovery_key": answer["recovery_keys_base64"][0], "root_token": answer["root_token"]}
    write_private(access_file, json.dumps(access) + "\n")


def is_current(client: httpx2.Client, access_file: Path, token_file: Path) -> bool:
    """Renew the token for another period; return whether it and its policy are up to date."""
    return _access(access_file).get("policy") == _policy_digest() and _renew(client, token_file)


def holds_root(client: httpx2.Client, access_file: Path) -> bool:
    """Return whether a root token is at hand that was not revoked yet."""
    root = _access(access_file).get("root_token")
    headers = {"X-Vault-Token": root or ""}
    return root is not None and client.get("auth/token/lookup-self", headers=headers).is_success


def regain_root(client: httpx2.Client, access_file: Path) -> None:
    """Make a root token with the recovery key, where the server lets us, and store it."""
    access = _access(access_file)
    access["root_token"] = _regenerated_root(client, access["recovery_key"])
    write_private(access_file, json.dumps(access) + "\n")


def provide(client: httpx2.Client, access_file: Path, token_file: Path) -> None:
    """Make mount, policy and token, then revoke and forget the root token that this takes."""
    access = _access(access_file)
    root = access["root_token"]
    _mount(client, root)
    _call(client, "PUT", f"sys/policies/acl/{POLICY_NAME}", {"policy": _policy()}, root)
    write_private(token_file, _new_token(client, root) + "\n")
    _call(client, "PUT", "auth/token/revoke-self", {}, root)
    stored = {"recovery_key": access["recovery_key"], "policy": _policy_digest()}
    write_private(access_file, json.dumps(stored) + "\n")


def _policy() -> str:
    """Read the policy that the secrets service ships: what it needs, and nothing else."""
    return (files("tollway_secrets") / "policy.hcl").read_text()


def _policy_digest() -> str:
    return hashlib.sha256(_policy().encode()).hexdigest()


def _access(file: Path) -> dict[str, str]:
    stored: dict[str, str] = json.loads(file.read_text())
    return stored


def _renew(client: httpx2.Client, token_file: Path) -> bool:
    if not token_file.exists():
        return False
    token = {"X-Vault-Token": token_file.read_text().strip()}
    return client.put("auth/token/renew-self", headers=token).is_success


def _regenerated_root(client: httpx2.Client, recovery_key: str) -> str:
    _call(client, "DELETE", "sys/generate-root/attempt")  # one that was cut short is in the way
    attempt = _call(client, "PUT", "sys/generate-root/attempt", {})
    update = {"key": recovery_key, "nonce": attempt["nonce"]}
    encoded = _call(client, "PUT", "sys/generate-root/update", update)["encoded_token"]
    masked = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    pairs = zip(masked, attempt["otp"].encode(), strict=True)
    return bytes(left ^ right for left, right in pairs).decode()


def _mount(client: httpx2.Client, root: str) -> None:
    if f"{MOUNT}/" not in _call(client, "GET", "sys/mounts", token=root)["data"]:
        _call(client, "POST", f"sys/mounts/{MOUNT}", {"type": "transit"}, root)


def _new_token(client: httpx2.Client, root: str) -> str:
    wish = {
        "policies": [POLICY_NAME],
        "no_default_policy": True,
        "period": PERIOD,
        "display_name": POLICY_NAME,
    }
    token: str = _call(client, "POST", "auth/token/create-orphan", wish, root)["auth"][
        "client_token"
    ]
    return token


def _call(
    client: httpx2.Client,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    token: str | None = None,
) -> dict[str, Any]:
    try:
        answer = client.request(
            method, path, json=body, headers={"X-Vault-Token": token} if token else {}
        )
    except httpx2.HTTPError as error:
        raise OpenBaoError(f"OpenBao did not answer {method} {path}: {error}") from error
    if not answer.is_success:
        raise OpenBaoError(f"OpenBao refused {method} {path} ({answer.status_code}): {answer.text}")
    result: dict[str, Any] = answer.json() if answer.content else {}
    return result

"""Credential data in, ciphertext out, and back: a Transit key per workspace, a context per row.

The context is the credential's id. A ciphertext that somebody moves to another row, or to another
workspace, does not open there.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import structlog

from tollway_secrets.access import Access
from tollway_secrets.errors import Unreadable, VaultUnavailable
from tollway_secrets.transit import Transit, TransitError, TransitRefused

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext, and the version of the workspace's key that it was made with."""

    ciphertext: str
    key_version: int


@dataclass(frozen=True, slots=True)
class Cipher:
    """Encrypts with the workspaces' Transit keys. Every method may raise VaultUnavailable."""

    transit: Transit
    access: Access
    key_prefix: str

    async def encrypt(self, workspace: str, credential_id: str, data: Mapping[str, str]) -> Sealed:
        """Encrypt a credential's data; the workspace's key is made when it is first needed."""
        await self.newest_version(workspace)
        plaintext = json.dumps(data, separators=(",", ":")).encode()
        ciphertext = await self._call(
            lambda: self.transit.encrypt(self._key(workspace), plaintext, credential_id.encode())
        )
        return _sealed(ciphertext)

    async def decrypt(self, workspace: str, credential_id: str, ciphertext: str) -> dict[str, str]:
        """Return a credential's data. Raises Unreadable."""
        plaintext = await self._open(
            lambda: self.transit.decrypt(self._key(workspace), ciphertext, credential_id.encode())
        )
        data: dict[str, str] = json.loads(plaintext)
        return data

    async def rewrap(self, workspace: str, credential_id: str, ciphertext: str) -> Sealed:
        """Encrypt anew with the key's newest version, inside Transit. Raises Unreadable."""
        return _sealed(
            await self._open(
                lambda: self.transit.rewrap(
                    self._key(workspace), ciphertext, credential_id.encode()
                )
            )
        )

    async def newest_version(self, workspace: str) -> int:
        """Return the newest version of the workspace's key, which is made if it is missing."""
        # Making a key that exists changes nothing and tells its version, so that this service
        # needs no permission to read keys.
        key = await self._call(lambda: self.transit.create_key(self._key(workspace)))
        if not key.derived:
            log.error("transit key is not derived", workspace=workspace, key=self._key(workspace))
            msg = "The workspace's key in Vault is not derived, so rows could be swapped unnoticed."
            raise VaultUnavailable(msg)
        return key.newest_version

    async def rotate(self, workspace: str) -> int:
        """Give the workspace's key a new version; return it."""
        return await self._call(lambda: self.transit.rotate_key(self._key(workspace)))

    def _key(self, workspace: str) -> str:
        return f"{self.key_prefix}{workspace}"

    async def _open(self, call: Callable[[], Awaitable[Result]]) -> Result:
        try:
            return await self._call(call)
        except VaultUnavailable as error:
            if isinstance(error.__cause__, TransitRefused):
                msg = "The credential's stored data does not open; store its data anew."
                raise Unreadable(msg) from error
            raise

    async def _call(self, call: Callable[[], Awaitable[Result]]) -> Result:
        try:
            return await self.access.using(call)
        except TransitError as error:
            msg = "The key store (Vault) cannot be used now; try again."
            raise VaultUnavailable(msg) from error


def _sealed(ciphertext: str) -> Sealed:
    """Read the key's version from `vault:vN:...`."""
    return Sealed(ciphertext, int(ciphertext.split(":", 2)[1].removeprefix("v")))

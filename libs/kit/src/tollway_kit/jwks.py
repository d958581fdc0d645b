"""The public keys of a token issuer, from a file or an https address, refreshed as they rotate."""

import asyncio
import ipaddress
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import jwt
import structlog

from tollway_kit.errors import Unauthenticated, Unavailable

log = structlog.get_logger(__name__)

REFRESH_AFTER_SECONDS = 300.0
UNKNOWN_KEY_PAUSE_SECONDS = 5.0
TIMEOUT_SECONDS = 5.0


class KeySet:
    """Keys by their id. The last good set is kept while its source does not answer.

    Raises ValueError for an http address of another machine: whoever is in between could sign.
    """

    def __init__(
        self, source: str, *, token_file: Path | None = None, ca_file: Path | None = None
    ) -> None:
        self._source = source
        self._is_remote = _is_remote(source)
        self._token_file = token_file
        self._ca_file = ca_file
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key_of(self, token: str) -> jwt.PyJWK:
        """Return the key that a token says it is signed with.

        Raises Unauthenticated for a key that the issuer does not have, Unavailable where the
        issuer's keys were never read.
        """
        key_id = jwt.get_unverified_header(token).get("kid")
        if key_id is None:
            msg = "The token does not name its key."
            raise Unauthenticated(msg)
        await self._refresh(key_id)
        if not self._keys:
            msg = "The token issuer's keys cannot be read now."
            raise Unavailable(msg)
        key = self._keys.get(key_id)
        if key is None:
            msg = "The token is not signed by a key of its issuer."
            raise Unauthenticated(msg)
        return key

    async def _refresh(self, key_id: str) -> None:
        if not self._is_due(key_id):
            return
        async with self._lock:
            if not self._is_due(key_id):
                return
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    self._keys = _parse(await self._read())
            except (OSError, ValueError, httpx2.HTTPError) as error:
                log.warning(
                    "issuer's keys not read",
                    source=self._source,
                    error=type(error).__name__,
                    detail=str(error),
                )
            # After the attempt: those who waited for it do not make another one at once.
            self._read_at = time.monotonic()

    def _is_due(self, key_id: str) -> bool:
        age = time.monotonic() - self._read_at
        pause = REFRESH_AFTER_SECONDS if key_id in self._keys else UNKNOWN_KEY_PAUSE_SECONDS
        return age > pause

    async def _read(self) -> bytes:
        if not self._is_remote:
            return await asyncio.to_thread(Path(self._source).read_bytes)
        headers = {}
        if self._token_file is not None:
            token = await asyncio.to_thread(self._token_file.read_text)
            headers["authorization"] = f"Bearer {token.strip()}"
        verify = str(self._ca_file) if self._ca_file else True
        async with httpx2.AsyncClient(
            timeout=TIMEOUT_SECONDS, verify=verify, trust_env=False
        ) as client:
            answer = await client.get(self._source, headers=headers)
            return answer.raise_for_status().content


def _is_remote(source: str) -> bool:
    address = urlsplit(source)
    if address.scheme == "http" and not _is_loopback(address.hostname or ""):
        msg = f"Keys are read over https, or from this machine; not over http from {address.netloc}"
        raise ValueError(msg)
    return address.scheme in {"http", "https"}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parse(document: bytes) -> dict[str, jwt.PyJWK]:
    """Return a JWKS's usable keys by id. Raises ValueError where there is none."""
    try:
        keys = jwt.PyJWKSet.from_json(document.decode()).keys
        named = {key.key_id: key for key in keys if key.key_id}
    except (AttributeError, KeyError, TypeError, RecursionError, jwt.PyJWTError) as error:
        msg = f"not a JSON Web Key Set: {error}"
        raise ValueError(msg) from error
    if not named:
        msg = "no key of the JSON Web Key Set has an id"
        raise ValueError(msg)
    return named

"""The public keys of a token issuer, from a file or an https address, refreshed as they rotate."""

import asyncio
import json
import time
from pathlib import Path

import httpx2
import jwt
import structlog

from tollway_kit.errors import Unauthenticated, Unavailable

log = structlog.get_logger(__name__)

REFRESH_AFTER_SECONDS = 300.0
UNKNOWN_KEY_PAUSE_SECONDS = 5.0
TIMEOUT_SECONDS = 5.0


class KeySet:
    """Keys by their id. The last good set is kept while its source does not answer."""

    def __init__(
        self, source: str, *, token_file: Path | None = None, ca_file: Path | None = None
    ) -> None:
        self._source = source
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
            self._read_at = time.monotonic()
            try:
                document = json.loads(await self._read())
                self._keys = {
                    key.key_id: key for key in jwt.PyJWKSet.from_dict(document).keys if key.key_id
                }
            except (OSError, ValueError, httpx2.HTTPError, jwt.PyJWTError) as error:
                log.warning("issuer's keys not read", source=self._source, error=str(error))
                if not self._keys:
                    msg = "The token issuer's keys cannot be read now."
                    raise Unavailable(msg) from error

    def _is_due(self, key_id: str) -> bool:
        age = time.monotonic() - self._read_at
        pause = REFRESH_AFTER_SECONDS if key_id in self._keys else UNKNOWN_KEY_PAUSE_SECONDS
        return age > pause or not self._keys

    async def _read(self) -> bytes:
        if not self._source.startswith(("https://", "http://")):
            return await asyncio.to_thread(Path(self._source).read_bytes)
        headers = {}
        if self._token_file is not None:
            token = await asyncio.to_thread(self._token_file.read_text)
            headers["authorization"] = f"Bearer {token.strip()}"
        verify = str(self._ca_file) if self._ca_file else True
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=verify) as client:
            answer = await client.get(self._source, headers=headers)
            return answer.raise_for_status().content

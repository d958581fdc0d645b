"""Upstream credentials in memory: fetched from the secrets service, dropped when they change.

A credential is used for `credential_refresh` seconds before it is fetched anew; while the secrets
service is away the one at hand goes on being used. Nothing here is written down, logged or shown.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx2
import structlog
from pydantic import ValidationError

from tollway_contracts.events import CredentialChanged
from tollway_contracts.http import CredentialMaterial
from tollway_router.canonical.failure import Failure, FailureKind, RequestRefused
from tollway_router.settings import RouterSettings

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 5.0
RETRY_SECONDS = 5.0
UNUSED_SECONDS = 3600.0


@dataclass(slots=True)
class _Held:
    id: str
    data: Mapping[str, str] = field(repr=False)
    due_at: float
    used_at: float


class CredentialCache:
    """Credentials by workspace and name; one fetch at a time for each."""

    def __init__(self, settings: RouterSettings) -> None:
        self._settings = settings
        self._held: dict[tuple[str, str], _Held] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._http = httpx2.AsyncClient(base_url=settings.secrets_url, timeout=TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Close the connections and forget everything."""
        self._held.clear()
        await self._http.aclose()

    def drop(self, changed: CredentialChanged) -> None:
        """Forget a credential that has changed; the next request fetches it."""
        self._held.pop((changed.workspace, changed.name), None)

    async def get(self, workspace: str, name: str | None) -> Mapping[str, str]:
        """Return a credential's data; empty where a provider needs none.

        Raises RequestRefused (502 where it does not exist, 503 where it cannot be had now).
        """
        if name is None:
            return {}
        held = self._held.get((workspace, name))
        now = time.monotonic()
        if held is None or now >= held.due_at:
            held = await self._refreshed(workspace, name)
        held.used_at = now
        return held.data

    async def check(self) -> None:
        """Readiness: raises where the secrets service does not answer."""
        (await self._http.get("/livez")).raise_for_status()

    async def _refreshed(self, workspace: str, name: str) -> _Held:
        place = (workspace, name)
        async with self._locks.setdefault(place, asyncio.Lock()):
            held = self._held.get(place)
            now = time.monotonic()
            if held is not None and now < held.due_at:
                return held
            self._forget_unused(now)
            try:
                material = await self._fetch(workspace, name)
            except (httpx2.HTTPError, OSError, ValidationError) as error:
                if held is None:
                    raise _unavailable(name) from error
                log.warning("credential not refreshed", credential=name, error=type(error).__name__)
                held.due_at = now + RETRY_SECONDS
                return held
            due_at = now + self._settings.credential_refresh
            self._held[place] = _Held(material.id, material.data, due_at, now)
            return self._held[place]

    async def _fetch(self, workspace: str, name: str) -> CredentialMaterial:
        path = f"/v1/workspaces/{quote(workspace, safe='')}/credentials/{quote(name, safe='')}"
        # Kubernetes replaces the token's file as it rotates, so it is read each time.
        token = await asyncio.to_thread(self._settings.secrets_token_file.read_text)
        answer = await self._http.post(
            f"{path}/material", headers={"authorization": f"Bearer {token.strip()}"}
        )
        if answer.status_code == httpx2.codes.NOT_FOUND:
            self._held.pop((workspace, name), None)
            raise _missing(name)
        return CredentialMaterial.from_newer(answer.raise_for_status().content)

    def _forget_unused(self, now: float) -> None:
        for place, held in list(self._held.items()):
            if now - held.used_at > UNUSED_SECONDS:
                del self._held[place]
                self._locks.pop(place, None)


def _missing(name: str) -> RequestRefused:
    msg = f"The credential '{name}' that the model's provider names does not exist. Tell its admin."
    return RequestRefused(Failure(FailureKind.UPSTREAM_ERROR, msg, 502, code="credential_missing"))


def _unavailable(name: str) -> RequestRefused:
    msg = f"The credential '{name}' cannot be had right now. Try again shortly."
    failure = Failure(
        FailureKind.OVERLOADED, msg, 503, code="credential_unavailable", retry_after=2.0
    )
    return RequestRefused(failure)

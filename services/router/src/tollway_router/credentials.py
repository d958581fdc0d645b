"""Upstream credentials in memory: fetched from the secrets service, dropped when they change.

A credential is used for `credential_refresh` seconds before it is fetched anew, behind the requests
that go on using it; while the secrets service is away it goes on being used. Nothing here is
written down, logged or shown.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx2
import structlog

from tollway_contracts.events import CredentialChanged
from tollway_contracts.http import CredentialMaterial
from tollway_router.canonical.failure import Failure, FailureKind, RequestRefused
from tollway_router.settings import RouterSettings

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 5.0
RETRY_SECONDS = 5.0
UNUSED_SECONDS = 3600.0

Place = tuple[str, str]
"""A credential's workspace and name."""


@dataclass(slots=True)
class _Held:
    data: Mapping[str, str] = field(repr=False)
    due_at: float
    used_at: float


class CredentialCache:
    """Credentials by place; one fetch at a time for each, which all who wait for it share.

    A request waits only where no credential is held.
    """

    def __init__(self, settings: RouterSettings) -> None:
        self._settings = settings
        self._held: dict[Place, _Held] = {}
        self._fetches: dict[Place, asyncio.Task[_Held]] = {}
        # By credential id. What is told of may come in the middle of a fetch, or before one that
        # is answered with what was true before. One number for each change told of, never removed.
        self._least_versions: dict[str, int] = {}
        # Key material goes through no proxy that the environment names.
        self._http = httpx2.AsyncClient(
            base_url=settings.secrets_url, timeout=TIMEOUT_SECONDS, trust_env=False
        )

    async def close(self) -> None:
        """End the fetches, close the connections and forget everything."""
        fetches = list(self._fetches.values())
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        self._held.clear()
        await self._http.aclose()

    def drop(self, changed: CredentialChanged) -> None:
        """Forget a credential that has changed; from now on its earlier versions are old."""
        self._held.pop((changed.workspace, changed.name), None)
        known = self._least_versions.get(changed.id, 0)
        self._least_versions[changed.id] = max(known, changed.version)

    async def get(self, workspace: str, name: str | None) -> Mapping[str, str]:
        """Return a credential's data; empty where a provider needs none.

        Raises RequestRefused (502 where it does not exist, 503 where it cannot be had now).
        """
        if name is None:
            return {}
        held = self._held.get((workspace, name))
        now = time.monotonic()
        if held is None:
            # Whoever gives up waiting must not end the fetch for the others.
            held = await asyncio.shield(self._fetching((workspace, name)))
        elif now >= held.due_at:
            self._fetching((workspace, name))
        held.used_at = now
        return held.data

    async def check(self) -> None:
        """Readiness: raises where the secrets service does not answer."""
        (await self._http.get("/livez")).raise_for_status()

    def _fetching(self, place: Place) -> asyncio.Task[_Held]:
        if place not in self._fetches:
            task = asyncio.create_task(self._refreshed(place))
            task.add_done_callback(_observe)
            self._fetches[place] = task
        return self._fetches[place]

    async def _refreshed(self, place: Place) -> _Held:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                material = await self._fetch_current(place)
        except (httpx2.HTTPError, OSError, ValueError) as error:
            return self._still_held(place, error)
        finally:
            del self._fetches[place]
        now = time.monotonic()
        self._forget_unused(now)
        # The service insists on a version that was replaced: it is used, and soon asked for again.
        pause = RETRY_SECONDS if self._is_old(material) else self._settings.credential_refresh
        self._held[place] = _Held(material.data, now + pause, now)
        return self._held[place]

    def _still_held(self, place: Place, error: Exception) -> _Held:
        """Return what is held now: it may have been dropped since the fetch began."""
        log.warning("credential not fetched", credential=place[1], error=type(error).__name__)
        held = self._held.get(place)
        if held is None:
            raise _unavailable(place[1]) from error
        held.due_at = time.monotonic() + RETRY_SECONDS
        return held

    async def _fetch_current(self, place: Place) -> CredentialMaterial:
        material = await self._fetch(place)
        return await self._fetch(place) if self._is_old(material) else material

    def _is_old(self, material: CredentialMaterial) -> bool:
        return material.version < self._least_versions.get(material.id, 0)

    async def _fetch(self, place: Place) -> CredentialMaterial:
        workspace, name = (quote(part, safe="") for part in place)
        # Kubernetes replaces the token's file as it rotates, so it is read each time.
        token = await asyncio.to_thread(self._settings.secrets_token_file.read_text)
        answer = await self._http.post(
            f"/v1/workspaces/{workspace}/credentials/{name}/material",
            headers={"authorization": f"Bearer {token.strip()}"},
        )
        if answer.status_code == httpx2.codes.NOT_FOUND:
            self._held.pop(place, None)
            raise _missing(place[1])
        return CredentialMaterial.from_newer(answer.raise_for_status().content)

    def _forget_unused(self, now: float) -> None:
        for place, held in list(self._held.items()):
            if now - held.used_at > UNUSED_SECONDS:
                del self._held[place]


def _observe(task: asyncio.Task[_Held]) -> None:
    """Take note of a failure that no request waits for; it is logged, or the next one's answer."""
    if not task.cancelled():
        task.exception()


def _missing(name: str) -> RequestRefused:
    msg = f"The credential '{name}' that the model's provider names does not exist. Tell its admin."
    return RequestRefused(Failure(FailureKind.UPSTREAM_ERROR, msg, 502, code="credential_missing"))


def _unavailable(name: str) -> RequestRefused:
    msg = f"The credential '{name}' cannot be had right now. Try again shortly."
    failure = Failure(
        FailureKind.OVERLOADED, msg, 503, code="credential_unavailable", retry_after=2.0
    )
    return RequestRefused(failure)

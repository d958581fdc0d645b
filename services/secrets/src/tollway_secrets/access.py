"""Keeps a token for Vault that holds: obtained at the start, again before it ends, and when denied.

Where the token comes from is a `TokenSource`, of which two ship: a file that somebody writes, and a
login with a Kubernetes service account.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from tollway_secrets.settings import SecretsSettings
from tollway_secrets.transit import Lease, Transit, TransitDenied, TransitError, TransitUnavailable

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

POLL_SECONDS = 1.0
RETRY_SECONDS = 5.0
RENEW_AFTER = 0.5  # of the token's life: half of it is left for Vault to come back


class TokenSource(Protocol):
    """Where tokens come from."""

    async def obtain(self) -> Lease:
        """Return a token that holds now, its life prolonged or begun anew. Raises TransitError."""

    async def changed(self, token: str) -> bool:
        """Whether `obtain` would return another token than `token` without being asked to."""


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A token that an agent or a person puts into a file, renewed with Vault."""

    transit: Transit
    file: Path

    async def obtain(self) -> Lease:
        """Read the file and renew the token in it."""
        return await self.transit.renew(await read_token(self.file))

    async def changed(self, token: str) -> bool:
        """Whether the file holds another token now."""
        return await read_token(self.file) != token


@dataclass(frozen=True, slots=True)
class KubernetesLogin:
    """A login with the pod's projected service-account token, which Kubernetes renews."""

    transit: Transit
    role: str
    file: Path
    mount: str

    async def obtain(self) -> Lease:
        """Log in."""
        jwt = await read_token(self.file)
        return await self.transit.log_in_to_kubernetes(self.role, jwt, self.mount)

    async def changed(self, token: str) -> bool:  # noqa: ARG002 - a login's token is its own
        """No: a login holds whatever becomes of the file."""
        return False


async def read_token(file: Path) -> str:
    """Return the token in a file. Raises TransitUnavailable where there is none."""
    try:
        token = (await asyncio.to_thread(file.read_text)).strip()
    except (OSError, ValueError) as error:
        msg = f"the token file {file} cannot be read ({type(error).__name__})"
        raise TransitUnavailable(msg) from error
    if not token.isascii() or not token.isprintable() or not token:
        msg = f"the token file {file} does not hold a token"
        raise TransitUnavailable(msg)
    return token


def token_source(transit: Transit, settings: SecretsSettings) -> TokenSource:
    """Return the source that the settings name."""
    if settings.vault_auth == "token-file":
        assert settings.vault_token_file is not None  # noqa: S101 - the settings have checked it
        return TokenFile(transit, settings.vault_token_file)
    assert settings.vault_role is not None  # noqa: S101 - the settings have checked it
    return KubernetesLogin(
        transit,
        settings.vault_role,
        settings.vault_kubernetes_token_file,
        settings.vault_kubernetes_mount,
    )


@dataclass(slots=True)
class Access:
    """The token in use and its upkeep. `run` ends only by cancellation."""

    transit: Transit
    source: TokenSource
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tried_at: float = float("-inf")
    _renew_at: float = float("-inf")
    _failure: str | None = "no token was obtained yet"

    async def run(self) -> None:
        """Obtain tokens for ever, each before the one in use ends."""
        while True:
            pause = POLL_SECONDS
            try:
                if self._now() >= self._renew_at or await self.source.changed(self.transit.token):
                    async with self._lock:
                        await self._obtain()
            except TransitError as error:
                self._failure = str(error)
                log.warning("no token for Vault", error=type(error).__name__, detail=str(error))
                pause = RETRY_SECONDS
            await asyncio.sleep(pause)

    async def using(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """Make a call; where the token is denied, once more with another, if there is one."""
        token = self.transit.token
        try:
            return await call()
        except TransitDenied:
            if not await self._replace(token):
                raise
        return await call()

    async def check(self) -> None:
        """Readiness: Vault is unsealed and a token is held."""
        await self.transit.health()
        if self._failure is not None:
            raise TransitUnavailable(self._failure)

    async def _replace(self, denied: str) -> bool:
        """Return whether another token than the denied one is in use now."""
        async with self._lock:
            # What is denied soon after a try is denied by policy; another would not help.
            if self.transit.token == denied and self._now() - self._tried_at > RETRY_SECONDS:
                await self._obtain()
            return self.transit.token != denied

    async def _obtain(self) -> None:
        self._tried_at = self._now()
        lease = await self.source.obtain()
        if lease.token != self.transit.token:
            self.transit.use(lease.token)
            log.info("token for Vault obtained", seconds=lease.seconds)
        life = float("inf") if lease.seconds is None else lease.seconds
        self._renew_at = self._now() + life * RENEW_AFTER
        self._failure = None

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

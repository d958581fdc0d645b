"""Vault's or OpenBao's Transit over hvac, which only this module knows.

hvac blocks, so every call runs in a worker thread with a time limit. Plaintext passes through and
is neither kept nor logged. Errors of hvac and requests come out as a `TransitError`, by one table.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
import hvac
import requests
import structlog
from anyio import to_thread
from hvac import exceptions
from prometheus_client import CollectorRegistry, Histogram
from requests.adapters import HTTPAdapter

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

THREADS = 16
CONNECT_SECONDS = 2.0
KEY_TYPE = "aes256-gcm96"
UP = (200, 429, 472, 473)  # of sys/health: leading, or a standby that forwards


class TransitError(Exception):
    """A call that did not succeed."""


class TransitUnavailable(TransitError):
    """Vault does not answer, is sealed, or cannot do it now. Later it may."""


class TransitDenied(TransitError):
    """The token has ended, or its policy does not allow the call."""


class TransitRefused(TransitError):
    """The call itself is wrong: no such key, a ciphertext that does not open with this context."""


TRANSLATION: dict[type[Exception], type[TransitError]] = {
    exceptions.InvalidRequest: TransitRefused,
    exceptions.ParamValidationError: TransitRefused,
    exceptions.UnsupportedOperation: TransitRefused,
    exceptions.Unauthorized: TransitDenied,
    exceptions.Forbidden: TransitDenied,
    exceptions.InvalidPath: TransitUnavailable,  # the mount is not there (yet)
    exceptions.PreconditionFailed: TransitUnavailable,  # a standby that lags behind
    exceptions.RateLimitExceeded: TransitUnavailable,
    exceptions.InternalServerError: TransitUnavailable,
    exceptions.VaultNotInitialized: TransitUnavailable,
    exceptions.VaultDown: TransitUnavailable,  # sealed, too
    exceptions.BadGateway: TransitUnavailable,
    exceptions.UnexpectedError: TransitUnavailable,
    exceptions.VaultError: TransitUnavailable,
    requests.RequestException: TransitUnavailable,
}


@dataclass(frozen=True, slots=True)
class Lease:
    """A token and for how long it holds; None for ever, or as long as it can be told."""

    token: str
    seconds: int | None


@dataclass(frozen=True, slots=True)
class TransitKey:
    """A key as Transit describes it."""

    derived: bool
    newest_version: int


class Transit:
    """The calls. `use` says with which token; until then Vault denies all but `health`."""

    def __init__(
        self,
        url: str,
        *,
        mount: str,
        seconds: float,
        ca_file: Path | None,
        metrics: CollectorRegistry,
    ) -> None:
        self._url = url
        self._mount = mount
        self._seconds = seconds
        self._session = _session(ca_file)
        self._client = self._client_with("")
        self._threads = anyio.CapacityLimiter(THREADS)
        self._timing = Histogram(
            "tollway_secrets_transit_seconds",
            "Calls to Vault's Transit by operation and how they ended",
            ["operation", "outcome"],
            registry=metrics,
        )

    @property
    def token(self) -> str:
        """The token in use."""
        return str(self._client.token or "")

    def use(self, token: str) -> None:
        """Make all calls from now on with `token`."""
        self._client = self._client_with(token)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    async def create_key(self, name: str) -> TransitKey:
        """Make a derived key, or find it there; return it."""
        transit = self._client.secrets.transit
        answer = await self._call(
            "create_key",
            lambda: transit.create_key(
                name, derived=True, key_type=KEY_TYPE, mount_point=self._mount
            ),
        )
        key = _part(answer, "data", "derived", "latest_version")
        return TransitKey(bool(key["derived"]), int(key["latest_version"]))

    async def rotate_key(self, name: str) -> int:
        """Give a key a new version; return it."""
        transit = self._client.secrets.transit
        answer = await self._call(
            "rotate_key", lambda: transit.rotate_key(name, mount_point=self._mount)
        )
        return int(_part(answer, "data", "latest_version")["latest_version"])

    async def encrypt(self, key: str, plaintext: bytes, context: bytes) -> str:
        """Return the ciphertext, `vault:vN:...` with the key's newest version N."""
        transit = self._client.secrets.transit
        answer = await self._call(
            "encrypt",
            lambda: transit.encrypt_data(
                key, plaintext=_b64(plaintext), context=_b64(context), mount_point=self._mount
            ),
        )
        return str(_part(answer, "data", "ciphertext")["ciphertext"])

    async def decrypt(self, key: str, ciphertext: str, context: bytes) -> bytes:
        """Return the plaintext."""
        transit = self._client.secrets.transit
        answer = await self._call(
            "decrypt",
            lambda: transit.decrypt_data(
                key, ciphertext=ciphertext, context=_b64(context), mount_point=self._mount
            ),
        )
        return base64.b64decode(_part(answer, "data", "plaintext")["plaintext"])

    async def rewrap(self, key: str, ciphertext: str, context: bytes) -> str:
        """Return the same plaintext's ciphertext by the key's newest version."""
        transit = self._client.secrets.transit
        answer = await self._call(
            "rewrap",
            lambda: transit.rewrap_data(
                key, ciphertext=ciphertext, context=_b64(context), mount_point=self._mount
            ),
        )
        return str(_part(answer, "data", "ciphertext")["ciphertext"])

    async def renew(self, token: str) -> Lease:
        """Renew a token, which may be another than the one in use.

        A token that cannot be renewed (a root token, one made so) holds as long as it does.
        """
        client = self._client_with(token)
        try:
            answer = await self._call("renew_token", client.auth.token.renew_self)
        except TransitRefused:
            return Lease(token, None)
        return _lease(answer)

    async def log_in_to_kubernetes(self, role: str, jwt: str, mount: str) -> Lease:
        """Log in with a service account's token."""
        kubernetes = self._client_with("").auth.kubernetes
        answer = await self._call(
            "kubernetes_login",
            lambda: kubernetes.login(role=role, jwt=jwt, use_token=False, mount_point=mount),
        )
        return _lease(answer)

    async def health(self) -> None:
        """Raise TransitUnavailable unless Vault is initialised and unsealed. Needs no token."""
        system = self._client.sys
        answer = await self._call("health", lambda: system.read_health_status(method="GET"))
        status = answer.status_code if isinstance(answer, requests.Response) else 200
        if status not in UP:
            msg = "Vault is sealed" if status == 503 else f"Vault's health is {status}"
            raise TransitUnavailable(msg)

    def _client_with(self, token: str) -> hvac.Client:
        # Redirects are not followed: they would carry the token to whatever host they name.
        return hvac.Client(
            url=self._url,
            token=token,
            session=self._session,
            timeout=(CONNECT_SECONDS, self._seconds),
            allow_redirects=False,
        )

    async def _call(self, operation: str, call: Callable[[], Result]) -> Result:
        outcome = "failed"
        started = anyio.current_time()
        try:
            # A thread that is given up on ends by itself: its socket has the same time limits.
            with anyio.fail_after(self._seconds):
                result = await to_thread.run_sync(
                    call, abandon_on_cancel=True, limiter=self._threads
                )
            outcome = "done"
        except TimeoutError as error:
            msg = f"Vault did not answer within {self._seconds:g} s"
            raise TransitUnavailable(msg) from error
        except tuple(TRANSLATION) as error:
            raise _translated(operation, error) from error
        finally:
            self._timing.labels(operation, outcome).observe(anyio.current_time() - started)
        return result


def _session(ca_file: Path | None) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # neither a proxy nor a .netrc comes between
    session.verify = str(ca_file) if ca_file else True
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=THREADS))
    return session


def _translated(operation: str, error: Exception) -> TransitError:
    kind = next(TRANSLATION[cls] for cls in type(error).__mro__ if cls in TRANSLATION)
    reasons = getattr(error, "errors", None) or [type(error).__name__]
    detail = "; ".join(str(reason).strip() for reason in reasons)
    log.warning("transit call failed", operation=operation, error=kind.__name__, detail=detail)
    return kind(detail)


def _part(answer: Any, part: str, *fields: str) -> dict[str, Any]:
    """Return a part of an answer. What is not Vault, or redirects, answers without it."""
    found = answer.get(part) if isinstance(answer, dict) else None
    if not isinstance(found, dict) or not found.keys() >= set(fields):
        msg = "the answer is not one of Vault's (1.12 or newer) or OpenBao's"
        raise TransitUnavailable(msg)
    return found


def _lease(answer: Any) -> Lease:
    auth = _part(answer, "auth", "client_token", "lease_duration")
    return Lease(auth["client_token"], auth["lease_duration"] or None)


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()

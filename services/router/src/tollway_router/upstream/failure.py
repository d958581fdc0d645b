"""What an upstream call that did not answer means: one table from aiohttp's errors to ours."""

from dataclasses import dataclass

import aiohttp

from tollway_contracts.vocabulary import Outcome
from tollway_router.canonical.failure import Failure, FailureKind
from tollway_router.upstream.egress import EgressRefused


@dataclass(frozen=True, slots=True)
class _Meaning:
    outcome: Outcome
    kind: FailureKind
    status: int
    code: str
    message: str


_UNREACHABLE = _Meaning(
    Outcome.UPSTREAM_UNREACHABLE,
    FailureKind.UPSTREAM_ERROR,
    502,
    "upstream_unreachable",
    "The provider could not be reached.",
)
_TLS = _Meaning(
    Outcome.UPSTREAM_UNREACHABLE,
    FailureKind.UPSTREAM_ERROR,
    502,
    "upstream_tls",
    "The provider's TLS certificate or handshake was not accepted.",
)
_TIMEOUT = _Meaning(
    Outcome.UPSTREAM_TIMEOUT,
    FailureKind.TIMEOUT,
    504,
    "upstream_timeout",
    "The provider did not answer in time.",
)
_CUT = _Meaning(
    Outcome.UPSTREAM_CUT,
    FailureKind.UPSTREAM_ERROR,
    502,
    "upstream_cut",
    "The provider ended the connection before its answer was complete.",
)
_INVALID = _Meaning(
    Outcome.UPSTREAM_INVALID,
    FailureKind.UPSTREAM_ERROR,
    502,
    "upstream_invalid",
    "The provider's answer is not valid HTTP.",
)
_REFUSED = _Meaning(
    Outcome.UPSTREAM_UNREACHABLE,
    FailureKind.UPSTREAM_ERROR,
    502,
    "egress_refused",
    "The provider's address is not one that this gateway may call. An admin can see why in the "
    "router's log.",
)

# Looked through from the top, the first class that fits wins: narrower ones stand first.
MEANINGS: tuple[tuple[type[BaseException], _Meaning], ...] = (
    (EgressRefused, _REFUSED),
    (aiohttp.ClientSSLError, _TLS),
    (aiohttp.ClientConnectorCertificateError, _TLS),
    (aiohttp.ServerFingerprintMismatch, _TLS),
    (TimeoutError, _TIMEOUT),
    (aiohttp.ClientConnectorError, _UNREACHABLE),
    (aiohttp.ServerDisconnectedError, _CUT),
    (aiohttp.ClientPayloadError, _CUT),
    (aiohttp.ClientOSError, _CUT),
    (aiohttp.ClientConnectionError, _CUT),
    (aiohttp.InvalidURL, _UNREACHABLE),
    (aiohttp.ClientResponseError, _INVALID),
    (aiohttp.ClientError, _INVALID),
    (ConnectionError, _CUT),
    (OSError, _UNREACHABLE),
)


class UpstreamFailed(Exception):
    """An upstream call without a complete answer: how the attempt ended and what a client hears."""

    def __init__(self, outcome: Outcome, failure: Failure) -> None:
        super().__init__(failure.message)
        self.outcome = outcome
        self.failure = failure


CAUGHT = (aiohttp.ClientError, OSError, TimeoutError)
"""What a call through aiohttp can raise, and `translated` understands."""


def translated(error: BaseException) -> UpstreamFailed:
    """Return what an error of aiohttp means. The error's own text stays out: it names addresses."""
    for known, meaning in MEANINGS:
        if isinstance(error, known) or isinstance(error.__cause__, known):
            failure = Failure(meaning.kind, meaning.message, meaning.status, code=meaning.code)
            return UpstreamFailed(meaning.outcome, failure)
    raise error


def invalid_answer(message: str) -> UpstreamFailed:
    """Return the failure of an answer that is HTTP but not what the spec says."""
    failure = Failure(FailureKind.UPSTREAM_ERROR, message, 502, code="upstream_invalid")
    return UpstreamFailed(Outcome.UPSTREAM_INVALID, failure)


def ended_early() -> UpstreamFailed:
    """Return the failure of an answer that ended before it began."""
    failure = Failure(_CUT.kind, _CUT.message, _CUT.status, code=_CUT.code)
    return UpstreamFailed(_CUT.outcome, failure)

"""What an upstream call that did not answer means: aiohttp's errors in our words."""

from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError

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

    @property
    def failure(self) -> Failure:
        return Failure(self.kind, self.message, self.status, code=self.code)


_UNREACHABLE = _Meaning(
    Outcome.UPSTREAM_UNREACHABLE,
    FailureKind.UPSTREAM_ERROR,
    502,
    "upstream_unreachable",
    "The provider could not be reached.",
)
_UNSENDABLE = _Meaning(
    Outcome.UPSTREAM_UNREACHABLE,
    FailureKind.UPSTREAM_ERROR,
    502,
    "upstream_unreachable",
    "The request could not be written: the provider's address, one of its headers or its "
    "credential has a character that HTTP does not allow there, such as a line break.",
)
_UNCONNECTED = _Meaning(
    Outcome.UPSTREAM_UNREACHABLE,
    FailureKind.TIMEOUT,
    504,
    "upstream_timeout",
    "The provider did not accept a connection in time.",
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

# What an error means depends on whether the request's first byte was written. Both tables are
# looked through from the top, and the first class that fits wins: narrower ones stand first.
BEFORE_SENDING: tuple[tuple[type[BaseException], _Meaning], ...] = (
    (EgressRefused, _REFUSED),
    (aiohttp.ClientSSLError, _TLS),
    (aiohttp.ServerFingerprintMismatch, _TLS),
    (TimeoutError, _UNCONNECTED),
    (ValueError, _UNSENDABLE),
    (aiohttp.ClientError, _UNREACHABLE),
    (OSError, _UNREACHABLE),
)
AFTER_SENDING: tuple[tuple[type[BaseException], _Meaning], ...] = (
    (ContentEncodingError, _INVALID),
    (TimeoutError, _TIMEOUT),
    (aiohttp.ClientPayloadError, _CUT),
    (aiohttp.ClientConnectionError, _CUT),
    (OSError, _CUT),
    (aiohttp.ClientError, _INVALID),
    (ValueError, _INVALID),
)

# Errors of which aiohttp makes general ones; they say more than what it makes of them.
_DECISIVE = (EgressRefused, ContentEncodingError)

CAUGHT = (aiohttp.ClientError, OSError, ValueError)
"""What a call through aiohttp can raise, and `translated` understands."""


class UpstreamFailed(Exception):
    """An upstream call without a complete answer: how the attempt ended and what a client hears.

    `sent` is whether the request may have reached the provider, which then may charge for it.
    """

    def __init__(self, outcome: Outcome, failure: Failure, *, sent: bool = True) -> None:
        super().__init__(failure.message)
        self.outcome = outcome
        self.failure = failure
        self.sent = sent

    @property
    def cause(self) -> str:
        """What failed, for the log.

        The system's errors say why. All others are named only: those of aiohttp carry the request's
        headers or quote what came, and that may be the provider's echo of them.
        """
        return " <- ".join(map(_named, _chain(self.__cause__))) or str(self)


def translated(error: BaseException, *, sent: bool) -> UpstreamFailed:
    """Return what an error of aiohttp means. The error's own text stays out: it names addresses."""
    reason = next((one for one in _chain(error) if isinstance(one, _DECISIVE)), error)
    for known, meaning in AFTER_SENDING if sent else BEFORE_SENDING:
        if isinstance(reason, known):
            return UpstreamFailed(meaning.outcome, meaning.failure, sent=sent)
    raise error


def invalid_answer(message: str) -> UpstreamFailed:
    """Return the failure of an answer that is HTTP but not what the spec says."""
    failure = Failure(_INVALID.kind, message, _INVALID.status, code=_INVALID.code)
    return UpstreamFailed(_INVALID.outcome, failure)


def ended_early() -> UpstreamFailed:
    """Return the failure of an answer that ended before it began."""
    return UpstreamFailed(_CUT.outcome, _CUT.failure)


def _chain(error: BaseException | None) -> Iterator[Exception]:
    while isinstance(error, Exception):
        yield error
        error = error.__cause__


def _named(error: Exception) -> str:
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, OSError) and str(error) else name

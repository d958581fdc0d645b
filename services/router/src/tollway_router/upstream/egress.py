"""Which addresses a provider may have: admins name them, and must not reach what is ours.

A URL is read as the HTTP client reads it, a name's addresses are checked where they are looked up,
and the address that is connected to is checked once more where its socket is made: whatever a URL
looks like, no connection goes by this module. Metadata services of clouds are always refused.
"""

import ipaddress
import socket
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from tollway_router.settings import RouterSettings

_ADDRESS = ipaddress.IPv4Address | ipaddress.IPv6Address


def _networks(*networks: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(network) for network in networks)


_NEVER = _networks(
    "0.0.0.0/8",
    "169.254.0.0/16",  # link-local: AWS, Azure, Google, Oracle and most others' metadata
    "100.100.100.200/32",  # Alibaba's metadata
    "168.63.129.16/32",  # Azure's wire server
    "192.0.0.192/32",  # Oracle's metadata
    "fe80::/10",
    "fd00:ec2::/32",  # AWS's metadata
    "fd20:ce::254/128",  # Google's
    "fd00:c1::a9fe:a9fe/128",  # Oracle's
    "fd00:42::42/128",  # Scaleway's
)
# What `is_global` takes for public: site-local addresses, and an operator's own NAT64.
_PRIVATE = _networks("fec0::/10", "64:ff9b:1::/48")
# IPv6 addresses that stand for the IPv4 address in their last 32 bits.
_CARRIERS = _networks(
    "::/96",  # IPv4-compatible
    "::ffff:0:0/96",  # IPv4-mapped
    "::ffff:0:0:0/96",  # SIIT
    "64:ff9b::/96",  # NAT64
    "64:ff9b:1::/48",  # NAT64 within one network
)


class EgressRefused(OSError):
    """An upstream address that the policy does not allow. An OSError, as aiohttp expects."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What is allowed beyond public https addresses."""

    private: bool
    loopback: bool
    http: bool

    @classmethod
    def of(cls, settings: RouterSettings) -> "EgressPolicy":
        """Read the policy from the settings."""
        return cls(
            private=settings.egress_private == "allow",
            loopback=settings.egress_loopback == "allow",
            http=settings.egress_http == "allow",
        )

    def check_url(self, url: str) -> None:
        """Raise EgressRefused for a scheme or a literal address that is not allowed.

        Raises ValueError where it is no URL.
        """
        parsed = URL(url)
        host = parsed.host or ""
        literal = _literal(host)
        if parsed.scheme not in {"http", "https"}:
            msg = f"{host}: only http and https are spoken"
            raise EgressRefused(msg)
        if parsed.scheme != "https" and not (self.http or self._is_allowed_loopback(literal, host)):
            msg = f"{host}: plain http is refused; use https, or set TOLLWAY_EGRESS_HTTP=allow"
            raise EgressRefused(msg)
        if literal is not None:
            self.check_address(literal)

    def check_numeric(self, host: str) -> None:
        """Raise EgressRefused for an address, as the system writes it, that is not allowed."""
        self.check_address(ipaddress.ip_address(host.partition("%")[0]))

    def check_address(self, address: _ADDRESS) -> None:
        """Raise EgressRefused for an address that is not allowed."""
        plain = _carried(address)
        if plain.is_loopback:
            if not self.loopback:
                msg = f"{address}: loopback is refused; TOLLWAY_EGRESS_LOOPBACK=allow permits it"
                raise EgressRefused(msg)
        elif plain.is_multicast or plain.is_reserved or _is_in(plain, _NEVER):
            msg = f"{address}: link-local, metadata, multicast, reserved addresses are never called"
            raise EgressRefused(msg)
        elif not self.private and (
            not plain.is_global or _is_in(plain, _PRIVATE) or _is_in(address, _PRIVATE)
        ):
            msg = f"{address}: private addresses are refused; TOLLWAY_EGRESS_PRIVATE=allow permits"
            raise EgressRefused(msg)

    def _is_allowed_loopback(self, literal: _ADDRESS | None, host: str) -> bool:
        is_loopback = host == "localhost" or (literal is not None and _carried(literal).is_loopback)
        return self.loopback and is_loopback


class GuardedResolver(AbstractResolver):
    """Resolves names and gives out only if every address is allowed."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises EgressRefused where one is not allowed."""
        found = await self._resolver.resolve(host, port, family)
        for entry in found:
            self._policy.check_numeric(entry["host"])
        return found

    async def close(self) -> None:
        """Release the resolver underneath."""
        await self._resolver.close()


def _literal(host: str) -> _ADDRESS | None:
    """Return the address that a host is, if it is one, in any of the ways the system reads."""
    plain = host.partition("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(plain)
    except ValueError:
        pass
    try:  # "2130706433", "0x7f.1", "0177.0.0.1"
        return ipaddress.IPv4Address(socket.inet_aton(plain))
    except (OSError, ValueError):
        return None


def _carried(address: _ADDRESS) -> _ADDRESS:
    """Return the IPv4 address inside an IPv6 one that maps or carries it."""
    if not isinstance(address, ipaddress.IPv6Address) or address.is_loopback:
        return address
    if address.teredo is not None:
        return address.teredo[1]
    if address.sixtofour is not None:
        return address.sixtofour
    if _is_in(address, _CARRIERS):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_in(
    address: _ADDRESS, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
) -> bool:
    return any(address in network for network in networks)

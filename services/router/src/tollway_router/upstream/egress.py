"""Which addresses a provider may have: admins name them, and must not reach what is ours.

The addresses that a name resolves to are checked and then connected to, with no second look-up in
between, so that a name cannot change its mind. Link-local addresses, where clouds keep their
metadata services, are always refused.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from tollway_router.settings import RouterSettings

_ADDRESS = ipaddress.IPv4Address | ipaddress.IPv6Address

_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local: AWS, Azure, Google metadata
        "fe80::/10",
        "fd00:ec2::/32",  # AWS metadata over IPv6
        "100.100.100.200/32",  # Alibaba metadata
        "0.0.0.0/8",
        "::/128",
    )
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
        """Raise EgressRefused for a scheme or a literal address that is not allowed."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        literal = _literal(host)
        if parts.scheme == "http" and not (self.http or self._is_allowed_loopback(literal, host)):
            msg = f"{host}: plain http is refused; use https, or set TOLLWAY_EGRESS_HTTP=allow"
            raise EgressRefused(msg)
        if literal is not None:
            self.check_address(literal)

    def check_address(self, address: _ADDRESS) -> None:
        """Raise EgressRefused for an address that is not allowed."""
        plain = _unwrapped(address)
        if any(plain in network for network in _NEVER) or plain.is_multicast:
            msg = f"{address}: link-local, metadata and multicast addresses are never called"
            raise EgressRefused(msg)
        if plain.is_loopback:
            if not self.loopback:
                msg = f"{address}: loopback is refused; TOLLWAY_EGRESS_LOOPBACK=allow permits it"
                raise EgressRefused(msg)
        elif not plain.is_global and not self.private:
            msg = f"{address}: private addresses are refused; TOLLWAY_EGRESS_PRIVATE=allow permits"
            raise EgressRefused(msg)

    def _is_allowed_loopback(self, literal: _ADDRESS | None, host: str) -> bool:
        is_loopback = host == "localhost" or (literal is not None and literal.is_loopback)
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
            self._policy.check_address(ipaddress.ip_address(entry["host"].partition("%")[0]))
        return found

    async def close(self) -> None:
        """Release the resolver underneath."""
        await self._resolver.close()


def _literal(host: str) -> _ADDRESS | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _unwrapped(address: _ADDRESS) -> _ADDRESS:
    """Return the IPv4 address inside an IPv6 one that maps or carries it."""
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address

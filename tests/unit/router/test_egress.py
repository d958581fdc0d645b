"""Which addresses a provider may have."""

import ipaddress

import pytest
from pydantic import ValidationError

from tollway_contracts.resources import ProviderSpec
from tollway_contracts.vocabulary import Spec
from tollway_router.upstream.egress import EgressPolicy, EgressRefused, GuardedResolver

STRICT = EgressPolicy(private=False, loopback=False, http=False)
OPEN = EgressPolicy(private=True, loopback=True, http=True)

CARRIERS = [
    "::ffff:{}",
    "::{}",
    "::ffff:0:{}",
    "64:ff9b::{}",
    "64:ff9b:1::{}",
    "64:ff9b:1:abcd::{}",
]
"""IPv6 addresses that reach an IPv4 address."""


def carried(address: str) -> list[str]:
    four = ipaddress.IPv4Address(address)
    six_to_four = ipaddress.IPv6Address(0x2002 << 112 | int(four) << 80 | 1)
    teredo = ipaddress.IPv6Address(0x20010000 << 96 | 0x08080808 << 64 | int(four) ^ 0xFFFFFFFF)
    return [*(form.format(address) for form in CARRIERS), str(six_to_four), str(teredo)]


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "fe80::a9fe:a9fe",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "240.0.0.1",
        "255.255.255.255",
        "4000::1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
        "fd00:42::42",
        *carried("169.254.169.254"),
        *carried("168.63.129.16"),
    ],
)
def test_metadata_and_reserved_addresses_are_refused_whatever_the_policy(address):
    with pytest.raises(EgressRefused, match="never called"):
        OPEN.check_address(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "fd12::1",
        "fec0::1",
        "64:ff9b:1::8.8.8.8",
        *carried("10.0.0.1"),
        *carried("127.0.0.1"),
    ],
)
def test_private_and_loopback_addresses_need_the_operator_s_word(address):
    OPEN.check_address(ipaddress.ip_address(address))
    with pytest.raises(EgressRefused, match=r"is refused|are refused"):
        STRICT.check_address(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_public_addresses_need_no_word(address):
    STRICT.check_address(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "１２７.0.0.1",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[fe80::1%25eth0]",
        "[::ffff:7f00:1]",
        "169.254.169.254:443",
        "user@169.254.169.254",
    ],
)
def test_an_address_is_recognised_however_a_url_writes_it(host):
    with pytest.raises(EgressRefused, match=r"refused|never called"):
        STRICT.check_url(f"https://{host}/v1")


def test_plain_http_needs_the_operator_s_word():
    OPEN.check_url("http://example.com/v1")
    STRICT.check_url("https://example.com/v1")
    STRICT.check_url("HTTPS://example.com/v1")
    with pytest.raises(EgressRefused, match="plain http"):
        STRICT.check_url("http://example.com/v1")


@pytest.mark.parametrize("scheme", ["ws", "wss", "ftp", "file", "http+unix", "gopher"])
def test_other_schemes_are_refused_whatever_the_policy(scheme):
    with pytest.raises(EgressRefused, match="only http"):
        OPEN.check_url(f"{scheme}://example.com/v1")


def test_an_address_without_a_scheme_is_refused():
    with pytest.raises(EgressRefused):
        OPEN.check_url("//example.com/v1")


def test_loopback_that_is_allowed_may_be_plain_http():
    local = EgressPolicy(private=False, loopback=True, http=False)
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
        local.check_url(f"http://{host}:8090/v1")
    with pytest.raises(EgressRefused):
        local.check_url("http://10.0.0.1:8090/v1")


async def test_a_name_that_resolves_to_a_refused_address_is_refused():
    resolver = GuardedResolver(STRICT)
    with pytest.raises(EgressRefused):
        await resolver.resolve("localhost", 80)
    await resolver.close()


async def test_a_name_is_connected_to_at_the_addresses_that_were_checked():
    resolver = GuardedResolver(OPEN)
    found = await resolver.resolve("localhost", 80)
    assert {entry["host"] for entry in found} <= {"127.0.0.1", "::1"}
    await resolver.close()


@pytest.mark.parametrize(
    "host",
    [
        "１２７.0.0.1",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "ｌocalhost",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
    ],
)
def test_a_base_url_whose_host_is_read_as_another_cannot_be_written_down(host):
    with pytest.raises(ValidationError, match=r"plain letters|four decimal numbers"):
        ProviderSpec(spec=Spec.ANTHROPIC, base_url=f"https://{host}:8000/v1")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "bücher.example", "gpu-1.lan"]
)
def test_a_base_url_with_an_ordinary_host_can_be_written_down(host):
    url = f"http://{host}:8000/v1"
    assert ProviderSpec(spec=Spec.ANTHROPIC, base_url=url).base_url == url

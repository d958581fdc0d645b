"""The client to providers against small servers that answer as providers should not."""

import asyncio
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.odd_providers import (
    BODY,
    CUT,
    FINE,
    HEADERS,
    INVALID,
    REFUSED,
    SECRET,
    TIMEOUT,
    TLS,
    UNCONNECTED,
    UNREACHABLE,
    calling,
    echoing,
    failure_of,
    hanging_up,
    posted,
    request_from,
    resetting,
    saying,
    serving,
    silent,
    told,
)

from tollway_contracts.vocabulary import Outcome
from tollway_router.upstream.egress import EgressPolicy

# What never left


async def test_a_port_where_nobody_listens_is_unreachable_and_nothing_was_sent(client):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        failed = await failure_of(client, f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert told(failed) == UNREACHABLE
    assert "ClientConnectorError: Cannot connect to host 127.0.0.1" in failed.cause


async def test_a_name_that_does_not_exist_is_unreachable_and_nothing_was_sent(tmp_path):
    async with calling(tmp_path, connect_timeout=10, first_byte_timeout=10) as client:
        assert told(await failure_of(client, "https://no.such.invalid")) == UNREACHABLE


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "exa mple"])
async def test_a_name_that_cannot_be_one_is_unreachable_and_nothing_was_sent(client, host):
    assert told(await failure_of(client, f"https://{host}")) == UNREACHABLE


@pytest.mark.parametrize("limits", [{"first_byte_timeout": 5}, {"connect_timeout": 5}])
async def test_a_host_that_takes_no_connection_is_504_but_unreachable(tmp_path, limits):
    """Whichever of the two limits ends the wait. A full queue drops what would connect."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        asked_at = time.monotonic()
        async with calling(tmp_path, **limits) as client:
            failed = await failure_of(client, f"http://127.0.0.1:{address[1]}")
        assert time.monotonic() - asked_at < 3
        for one in waiting:
            one.close()
    assert told(failed) == UNCONNECTED
    assert failed.failure.status == 504


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem += key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


async def test_a_certificate_that_nobody_signed_is_refused_before_anything_is_sent(
    client, self_signed
):
    async with serving(saying(FINE), tls=self_signed) as port:
        failed = await failure_of(client, f"https://127.0.0.1:{port}")
    assert told(failed) == TLS
    assert "CERTIFICATE_VERIFY_FAILED" in failed.cause


async def test_a_server_that_does_not_speak_tls_is_told_nothing(client):
    async with serving(echoing(b"HTTP/1.1 400 \r\n\r\n")) as port:
        failed = await failure_of(client, f"https://127.0.0.1:{port}")
    assert (failed.outcome, failed.sent) == (Outcome.UPSTREAM_UNREACHABLE, False)


async def test_a_tls_handshake_that_hangs_is_504_but_unreachable(client):
    async with serving(silent) as port:
        assert told(await failure_of(client, f"https://127.0.0.1:{port}")) == UNCONNECTED


@pytest.mark.parametrize("bad", ["line\nbreak", "carriage\rreturn", "nul\0"])
@pytest.mark.parametrize("place", ["value", "name"])
async def test_a_header_that_http_cannot_carry_is_not_sent_and_not_quoted(client, bad, place):
    header = {"x-key": SECRET + bad} if place == "value" else {"x-" + SECRET + bad: "1"}
    async with serving(saying(FINE)) as port:
        failed = await failure_of(client, f"http://127.0.0.1:{port}", header)
        assert await posted(client, f"http://127.0.0.1:{port}") == b"ok"  # no harm to the pool
    assert told(failed) == UNREACHABLE
    assert "line break" in failed.failure.message
    assert SECRET not in failed.cause + failed.failure.message + repr(failed)


# What left, and what may have arrived


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (silent, TIMEOUT),
        (saying(FINE[:20], then_wait=True), TIMEOUT),
        (saying(FINE[:-1], then_wait=True), TIMEOUT),
        (hanging_up, CUT),
        (resetting, CUT),
        (saying(FINE[:20]), CUT),
        (saying(FINE[:-1]), CUT),
        (saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel"), CUT),
        (saying(b"\x16\x03\x01garbage\r\n\r\n"), INVALID),
        (saying(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 40_000 + b"\r\n\r\n"), INVALID),
        (saying(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), INVALID),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), INVALID),
        (saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"), INVALID),
        (
            saying(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nplain"),
            INVALID,
        ),
        (
            saying(b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 5\r\n\r\nplain"),
            INVALID,
        ),
    ],
    ids=[
        "silent",
        "stops in the headers",
        "stops in the body",
        "hangs up",
        "resets",
        "ends in the headers",
        "ends in the body",
        "ends in a chunk",
        "garbage",
        "huge header",
        "broken header",
        "broken length",
        "broken chunk",
        "broken gzip",
        "broken brotli",
    ],
)
async def test_whatever_a_provider_does_with_a_request_it_was_sent(client, handler, expected):
    async with serving(handler) as port:
        failed = await failure_of(client, f"http://127.0.0.1:{port}")
    assert told(failed) == expected
    assert failed.cause


async def test_a_request_that_a_provider_stops_reading_was_sent(client):
    """The system buffers some megabytes; what is beyond them waits."""

    async def reading_nothing(reader, writer):
        await asyncio.sleep(60)

    body = b"x" * 1_000_000 * 30
    with pytest.warns(ResourceWarning, match="large body"):
        async with serving(reading_nothing, limit=1024) as port:
            failed = await failure_of(client, f"http://127.0.0.1:{port}", body=body)
    assert told(failed) == TIMEOUT


@pytest.mark.parametrize(
    "handler",
    [
        echoing(b""),
        echoing(b"HTTP/1.1 "),
        echoing(b"HTTP/1.1 200 OK\r\n"),
        echoing(b"HTTP/1.1 200 OK\r\nx: ", b"y" * 40_000),
        echoing(b"HTTP/1.1 200 OK\r\n\0: "),
        echoing(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        echoing(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n"),
        echoing(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 99\r\n\r\n"),
        echoing(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"),
    ],
)
async def test_the_logged_cause_never_holds_our_headers_though_a_provider_echo_them(
    client, handler
):
    async with serving(handler) as port:
        failed = await failure_of(client, f"http://127.0.0.1:{port}")
    assert failed.sent
    assert "Error" in failed.cause
    for text in (failed.cause, str(failed), repr(failed), failed.failure.message):
        assert "sk-live" not in text
        assert "authorization" not in text.lower()


# Where nothing may go


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "１２７.0.0.1",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
    ],
)
async def test_loopback_is_refused_however_it_is_written(tmp_path, host):
    reached = asyncio.Event()

    async def noticing(reader, writer):
        reached.set()

    async with (
        serving(noticing) as port,
        calling(tmp_path, egress_loopback="deny", egress_http="allow") as client,
    ):
        failed = await failure_of(client, f"http://{host}:{port}")
    assert told(failed) == REFUSED
    assert "loopback is refused" in failed.cause
    assert "127" not in failed.failure.message
    assert not reached.is_set()


@pytest.mark.parametrize("host", ["127.0.0.1", "１２７.0.0.1", "①②⑦.⓪.⓪.①"])
async def test_what_is_connected_to_is_checked_even_where_the_url_deceived(
    tmp_path, monkeypatch, host
):
    monkeypatch.setattr(EgressPolicy, "check_url", lambda *_: None)
    async with (
        serving(saying(FINE)) as port,
        calling(tmp_path, egress_loopback="deny", egress_http="allow") as client,
    ):
        failed = await failure_of(client, f"http://{host}:{port}")
    assert told(failed) == REFUSED
    assert "EgressRefused: 127.0.0.1: loopback is refused" in failed.cause


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(client, status):
    calls = 0

    async def redirecting(reader, writer):
        nonlocal calls
        calls += 1
        await request_from(reader)
        writer.write(
            f"HTTP/1.1 {status} Moved\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".encode()
        )

    async with (
        serving(redirecting) as port,
        client.post(f"http://127.0.0.1:{port}", HEADERS, BODY, first_byte_timeout=None) as answer,
    ):
        assert answer.status == status
        assert await answer.read() == b""
    assert calls == 1

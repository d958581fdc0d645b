"""An issuer's keys, from sources that fail in every way."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from tollway_kit import jwks
from tollway_kit.errors import Unauthenticated, Unavailable
from tollway_kit.jwks import KeySet

PRIVATE = ec.generate_private_key(ec.SECP256R1())
PUBLIC = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(PRIVATE.public_key())) | {"kid": "one"}
GOOD = json.dumps({"keys": [PUBLIC]}).encode()
NOT_KEYS = [
    b"[]",
    b"null",
    b"7",
    b'"keys"',
    b"",
    b"{",
    b"\xff\xfe",
    b"<html>",
    b"{}",
    b'{"keys": null}',
    b'{"keys": {}}',
    b'{"keys": [null]}',
    b'{"keys": ["one"]}',
    b'{"keys": [{"kty": 5}]}',
    json.dumps({"keys": [PUBLIC | {"x": 5}]}).encode(),
    json.dumps({"keys": [PUBLIC | {"kid": []}]}).encode(),
    json.dumps({"keys": [PUBLIC | {"kid": None}]}).encode(),
    b"[" * 100_000,
]


def token(key_id: str = "one") -> str:
    return jwt.encode({"sub": "alice"}, PRIVATE, algorithm="ES256", headers={"kid": key_id})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jwks.json"


class Issuer:
    """Serves keys over HTTP, or never."""

    def __init__(self) -> None:
        self.asked = 0
        self.hangs = False
        self.address = ""

    async def handle(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(60)
        return web.Response(body=GOOD)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    made = Issuer()
    app = web.Application()
    app.router.add_get("/keys", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.address = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    yield made
    await runner.cleanup()


async def test_a_key_is_found_by_the_name_that_the_token_gives(file):
    file.write_bytes(GOOD)
    assert (await KeySet(str(file)).key_of(token())).key_id == "one"


async def test_a_key_that_the_issuer_does_not_have_is_refused(file):
    file.write_bytes(GOOD)
    with pytest.raises(Unauthenticated):
        await KeySet(str(file)).key_of(token("two"))


@pytest.mark.parametrize("document", NOT_KEYS, ids=lambda document: document[:24].decode("latin1"))
async def test_what_is_no_key_set_is_an_outage(file, document):
    file.write_bytes(document)
    with pytest.raises(Unavailable):
        await KeySet(str(file)).key_of(token())


@pytest.mark.parametrize("document", NOT_KEYS, ids=lambda document: document[:24].decode("latin1"))
async def test_known_keys_outlive_a_source_that_breaks(file, document, monkeypatch):
    monkeypatch.setattr(jwks, "REFRESH_AFTER_SECONDS", 0.0)
    file.write_bytes(GOOD)
    keys = KeySet(str(file))
    await keys.key_of(token())
    file.write_bytes(document)
    assert (await keys.key_of(token())).key_id == "one"


async def test_callers_do_not_wait_in_turn_for_keys_that_were_never_read(issuer, monkeypatch):
    monkeypatch.setattr(jwks, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(jwks, "UNKNOWN_KEY_PAUSE_SECONDS", 0.5)
    issuer.hangs = True
    keys = KeySet(issuer.address)
    began = time.monotonic()
    answers = await asyncio.gather(
        *(keys.key_of(token()) for _ in range(5)), return_exceptions=True
    )
    assert time.monotonic() - began < 1.0
    assert [type(answer) for answer in answers] == [Unavailable] * 5
    with pytest.raises(Unavailable):
        await keys.key_of(token())
    assert issuer.asked == 1


async def test_keys_that_were_never_read_are_asked_for_again_after_a_pause(issuer, monkeypatch):
    monkeypatch.setattr(jwks, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(jwks, "UNKNOWN_KEY_PAUSE_SECONDS", 0.1)
    issuer.hangs = True
    keys = KeySet(issuer.address)
    with pytest.raises(Unavailable):
        await keys.key_of(token())
    issuer.hangs = False
    await asyncio.sleep(0.15)
    assert (await keys.key_of(token())).key_id == "one"


async def test_keys_pass_no_proxy(issuer, monkeypatch):
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await KeySet(issuer.address).key_of(token())).key_id == "one"


@pytest.mark.parametrize(
    "source",
    [
        "http://login.example.com/keys",
        "HTTP://login.example.com/keys",
        "http://localhost.example.com/keys",
        "http://10.0.0.1/keys",
        "http://127.0.0.1@login.example.com/keys",
        "http:///keys",
    ],
)
def test_keys_are_not_read_over_plain_http_from_another_machine(source):
    with pytest.raises(ValueError, match="https"):
        KeySet(source)


@pytest.mark.parametrize(
    "source",
    [
        "https://login.example.com/keys",
        "http://localhost:8080/keys",
        "http://127.0.0.1/keys",
        "http://[::1]:80/keys",
        "/etc/tollway/jwks.json",
        "jwks.json",
    ],
)
def test_https_this_machine_and_files_are_fine(source):
    KeySet(source)

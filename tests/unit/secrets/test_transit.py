"""The adapter over hvac: no error of hvac or requests comes out as itself, nor does a secret."""

import inspect
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from hvac import exceptions
from prometheus_client import CollectorRegistry

from tollway_secrets.transit import TRANSLATION, Transit, TransitUnavailable


def hvac_errors() -> list[type[Exception]]:
    return [
        thing
        for _, thing in inspect.getmembers(exceptions, inspect.isclass)
        if issubclass(thing, Exception)
    ]


@pytest.mark.parametrize("error", hvac_errors())
def test_every_error_of_hvac_has_a_translation_of_its_own(error: type[Exception]) -> None:
    assert error in TRANSLATION


def test_every_error_of_requests_is_covered() -> None:
    errors = [
        thing
        for _, thing in inspect.getmembers(requests.exceptions, inspect.isclass)
        if issubclass(thing, Exception)
        and thing.__module__ == "requests.exceptions"
        and not issubclass(thing, Warning)
    ]
    assert all(any(base in TRANSLATION for base in error.__mro__) for error in errors)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def transit(url: str) -> Transit:
    return Transit(url, mount="transit", seconds=0.3, ca_file=None, metrics=CollectorRegistry())


async def test_a_silent_vault_is_given_up_on_in_time(silent_server: str) -> None:
    started = time.monotonic()
    with pytest.raises(TransitUnavailable):
        await transit(silent_server).encrypt("tollway-acme", b"CANARY", b"cred_1")
    assert time.monotonic() - started < 2


async def test_an_absent_vault_is_unavailable() -> None:
    with pytest.raises(TransitUnavailable) as caught:
        await transit("http://127.0.0.1:9").encrypt("tollway-acme", b"CANARY", b"cred_1")
    assert "CANARY" not in str(caught.value)


async def test_without_a_token_in_use_none_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "of-somebody-else")
    assert transit("http://127.0.0.1:9").token == ""


@pytest.fixture
def stranger() -> Iterator[str]:
    """A web server that is not Vault: it answers everything with 200 and a page, or redirects."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(307 if "moved" in self.path else 200)
            self.send_header("location", "http://127.0.0.1:9/")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_PUT(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("key", ["tollway-acme", "tollway-moved"])
async def test_what_is_not_vault_is_unavailable(stranger: str, key: str) -> None:
    vault = transit(stranger)
    for call in (
        vault.create_key(key),
        vault.encrypt(key, b"plain", b"cred_1"),
        vault.decrypt(key, "vault:v1:x", b"cred_1"),
        vault.renew("token"),
    ):
        with pytest.raises(TransitUnavailable):
            await call
    vault.close()

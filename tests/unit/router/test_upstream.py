"""What may be called, at which address, with which headers; and what a failed call means."""

import inspect
import ipaddress

import aiohttp
import pytest

from tollway_contracts.vocabulary import Spec
from tollway_router.upstream.egress import EgressPolicy, EgressRefused, GuardedResolver
from tollway_router.upstream.failure import MEANINGS, translated
from tollway_router.upstream.headers import answer_headers, request_headers, without_secrets
from tollway_router.upstream.specs import SPECS, chat_completions_address, messages_address

STRICT = EgressPolicy(private=False, loopback=False, http=False)
OPEN = EgressPolicy(private=True, loopback=True, http=True)


@pytest.mark.parametrize(
    ("pasted", "address"),
    [
        ("https://host", "https://host/v1/chat/completions"),
        ("https://host/", "https://host/v1/chat/completions"),
        ("https://host/v1", "https://host/v1/chat/completions"),
        ("https://host/v1/", "https://host/v1/chat/completions"),
        ("https://host/v1/chat/completions", "https://host/v1/chat/completions"),
        ("https://host/chat/completions", "https://host/v1/chat/completions"),
        ("https://host:8000", "https://host:8000/v1/chat/completions"),
        ("https://host/openai/v1", "https://host/openai/v1/chat/completions"),
        ("https://host/inference", "https://host/inference/chat/completions"),
    ],
)
def test_a_chat_base_url_is_understood_however_it_was_pasted(pasted, address):
    assert chat_completions_address(pasted) == address


@pytest.mark.parametrize(
    "pasted",
    ["https://host", "https://host/", "https://host/v1", "https://host/v1/messages"],
)
def test_a_messages_base_url_is_understood_however_it_was_pasted(pasted):
    assert messages_address(pasted) == "https://host/v1/messages"


def test_a_messages_base_url_keeps_a_path_of_its_own():
    assert messages_address("https://host/anthropic") == "https://host/anthropic/v1/messages"


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "::ffff:169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "fd00:ec2::254",
    ],
)
def test_metadata_addresses_are_refused_whatever_the_policy(address):
    with pytest.raises(EgressRefused):
        OPEN.check_address(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "192.168.1.1", "127.0.0.1", "::1", "fd12::1", "::ffff:10.0.0.1", "100.64.0.1"],
)
def test_private_and_loopback_addresses_need_the_operator_s_word(address):
    OPEN.check_address(ipaddress.ip_address(address))
    with pytest.raises(EgressRefused):
        STRICT.check_address(ipaddress.ip_address(address))


def test_plain_http_needs_the_operator_s_word():
    OPEN.check_url("http://example.com/v1")
    STRICT.check_url("https://example.com/v1")
    with pytest.raises(EgressRefused):
        STRICT.check_url("http://example.com/v1")


def test_loopback_that_is_allowed_may_be_plain_http():
    EgressPolicy(private=False, loopback=True, http=False).check_url("http://127.0.0.1:8090/v1")


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


def _aiohttp_errors():
    return [
        member
        for _, member in inspect.getmembers(aiohttp, inspect.isclass)
        if issubclass(member, aiohttp.ClientError)
    ]


@pytest.mark.parametrize("kind", _aiohttp_errors(), ids=lambda kind: kind.__name__)
def test_every_error_of_the_http_client_has_a_meaning_of_its_own_table(kind):
    known = next(meaning for entry, meaning in MEANINGS if issubclass(kind, entry))
    failed = translated(kind.__new__(kind))
    assert failed.outcome is known.outcome
    assert failed.failure.status in {502, 504}


def test_an_error_that_is_not_the_client_s_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        translated(ZeroDivisionError())


def headers_for(spec: Spec, client: dict[str, str], own: dict[str, str] | None = None):
    return request_headers(SPECS[spec], own or {}, {"api_key": "sk-1"}, client.get, "req_1")


def test_the_client_s_key_never_goes_upstream():
    client = {"authorization": "Bearer tw_client", "x-api-key": "tw_client", "cookie": "a=b"}
    assert headers_for(Spec.OPENAI_CHAT_COMPLETIONS, client)["authorization"] == "Bearer sk-1"
    sent = headers_for(Spec.ANTHROPIC, client)
    assert sent["x-api-key"] == "sk-1"
    assert "tw_client" not in str(sent)


def test_a_client_s_anthropic_version_and_betas_pass():
    sent = headers_for(Spec.ANTHROPIC, {"anthropic-beta": "files-api-2025-04-14"})
    assert sent["anthropic-beta"] == "files-api-2025-04-14"
    assert sent["anthropic-version"] == "2023-06-01"


def test_only_headers_that_an_sdk_acts_upon_come_back():
    kept = answer_headers({"Retry-After": "7", "X-RateLimit-Remaining": "1", "Set-Cookie": "a"})
    assert kept == {"retry-after": "7", "x-ratelimit-remaining": "1"}


def test_a_credential_that_a_provider_quotes_does_not_come_back():
    body = b'{"error": "Incorrect API key provided: sk-live-1234567890"}'
    assert b"sk-live" not in without_secrets(body, {"api_key": "sk-live-1234567890"})

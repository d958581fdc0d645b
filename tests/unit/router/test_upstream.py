"""At which address a provider is called, with which headers, and what must not come back."""

import json

import pytest

from tollway_contracts.vocabulary import Spec
from tollway_router.upstream.headers import answer_headers, request_headers, without_secrets
from tollway_router.upstream.specs import SPECS, chat_completions_address, messages_address


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


@pytest.mark.parametrize(
    "quoted",
    [
        "Incorrect API key provided: sk-live-12/34567890+abc==",
        r"Incorrect API key provided: sk-live-12\/34567890+abc==",
        r"Incorrect API key provided: sk-live-12\u002f34567890\u002Babc\u003D=",
        r"\u0073\u006b\u002d\u006C\u0069\u0076\u0065\u002d\u0031\u0032\u002f\u0033\u0034",
        "Incorrect API key provided: sk-live-12/3*********abc==",
        "Incorrect API key provided: sk-live-12/34567...",
        "sk-live-12/3sk-live-12/34567890+abc==",
        "sk-live-12/34567890+abc==" * 3,
    ],
)
def test_a_credential_that_a_provider_quotes_does_not_come_back(quoted):
    told = without_secrets(quoted.encode(), {"api_key": "sk-live-12/34567890+abc=="}).decode()
    assert "[redacted]" in told
    assert "sk-live" not in told
    assert "0073" not in told
    assert "4567" not in told


def test_what_follows_a_credential_stays():
    told = without_secrets(b'{"a": "sk-live-12345678", "b": 1}', {"k": "sk-live-12345678"})
    assert told == b'{"a": "[redacted]", "b": 1}'


def test_a_credential_of_several_lines_does_not_come_back_escaped():
    secret = '{"type": "service_account",\n "private_key": "-----BEGIN\\nabc"}'
    assert json.dumps(secret)[1:-1] != secret
    told = without_secrets(json.dumps({"error": secret}).encode(), {"account": secret})
    assert told == b'{"error": "[redacted]"}'
    assert without_secrets(secret.encode(), {"account": secret}) == b"[redacted]"


def test_the_beginning_of_what_is_no_key_is_not_taken_for_a_secret():
    body = b'{"type": "server_error", "region": "eu-central-2", "x": "short-1"}'
    secrets = {"account": '{"type": "service_account", "key": 1}', "region": "eu-central-1"}
    assert without_secrets(body, secrets | {"none": "", "short": "short-1"}) == body


def test_a_long_credential_is_found_in_a_long_body_quickly():
    secret = "ey" + "Jh-_" * 500
    body = b"x" * 1_000_000 + secret.encode() + b"eyJh-_Jh-_J" * 10_000
    assert secret.encode()[:12] not in without_secrets(body, {"token": secret})

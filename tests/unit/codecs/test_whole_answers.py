import json
from typing import Any

import pytest
from unit.codecs.wire import (
    CHAT,
    DROP,
    MESSAGES,
    NOW,
    TARGET,
    chat_answer,
    chat_for_messages_client,
    chat_head,
    chat_to_messages,
    message_answer,
    messages_for_chat_client,
    messages_head,
    messages_to_chat,
)

from tollway_router.canonical.failure import FailureKind
from tollway_router.codecs.codec import Codec, Quirks, Target
from tollway_router.codecs.exchange import plan


def tool_calls(*arguments: str, **fields: Any) -> dict[str, Any]:
    calls = [
        {"id": f"c{i}", "function": {"name": "f", "arguments": one}, **fields}
        for i, one in enumerate(arguments)
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def test_a_messages_answer_becomes_a_chat_completion() -> None:
    answer = messages_for_chat_client(
        message_answer(
            [
                {"type": "thinking", "thinking": "t", "signature": "sig"},
                {"type": "text", "text": "a"},
                {"type": "tool_use", "id": "x", "name": "f", "input": {}},
            ],
            stop="tool_use",
        )
    )
    choice = answer["choices"][0]
    assert (answer["object"], answer["created"], answer["model"]) == (
        "chat.completion",
        NOW,
        "claude",
    )
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"] == {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "reasoning_content": "t",
        "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "sig"}],
        "tool_calls": [
            {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ],
    }


def test_a_chat_completion_becomes_a_messages_answer() -> None:
    message = {**tool_calls('{"x":1}'), "content": "a", "reasoning": "t"}
    answer = chat_for_messages_client(chat_answer(message, finish="tool_calls"))
    assert answer["content"] == [
        {"type": "thinking", "thinking": "t", "signature": ""},
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "c0", "name": "f", "input": {"x": 1}},
    ]
    assert (answer["type"], answer["role"], answer["stop_reason"]) == (
        "message",
        "assistant",
        "tool_use",
    )
    assert answer["usage"]["input_tokens"] == 10


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ("", {}),
        ("null", {}),
        ('{"a": ', {"malformed_arguments": '{"a": '}),
        ("[1]", {"malformed_arguments": "[1]"}),
    ],
)
def test_a_calls_arguments_are_an_object_and_never_dropped(
    arguments: str, given: dict[str, Any]
) -> None:
    answer = chat_for_messages_client(chat_answer(tool_calls(arguments), finish="length"))
    assert answer["content"][0]["input"] == given
    assert answer["stop_reason"] == "max_tokens"


def test_arguments_given_as_an_object_are_taken() -> None:
    message = tool_calls("")
    message["tool_calls"][0]["function"]["arguments"] = {"x": 1}
    assert chat_for_messages_client(chat_answer(message))["content"][0]["input"] == {"x": 1}


def test_content_as_a_list_of_parts_is_read() -> None:
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
        {"type": "text", "text": "144"},
    ]
    blocks = chat_for_messages_client(chat_answer({"content": content}))["content"]
    assert [block["type"] for block in blocks] == ["thinking", "text"]


def test_a_call_by_the_old_name_is_a_call() -> None:
    message = {"content": None, "function_call": {"name": "f", "arguments": "{}"}}
    answer = chat_for_messages_client(chat_answer(message, finish="function_call"))
    assert (answer["content"][0]["id"], answer["stop_reason"]) == ("call_chatcmpl-1_0", "tool_use")


def test_a_refusal_is_text_with_a_reason_and_back() -> None:
    answer = chat_for_messages_client(chat_answer({"content": None, "refusal": "No."}))
    assert answer["content"] == [{"type": "text", "text": "No."}]
    assert answer["stop_reason"] == "refusal"
    refused = messages_for_chat_client(message_answer([], stop="refusal"))
    assert refused["choices"][0]["finish_reason"] == "content_filter"


def test_the_served_tier_is_told_in_each_formats_words() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "service_tier": "standard"}
    assert messages_for_chat_client(message_answer([], usage=usage))["service_tier"] == "default"
    answer = chat_for_messages_client(chat_answer({"content": "x"}, service_tier="default"))
    assert answer["usage"]["service_tier"] == "standard"
    odd = chat_for_messages_client(chat_answer({"content": "x"}, service_tier="flex"))
    assert "service_tier" not in odd["usage"]


def test_an_answer_without_usage_still_translates() -> None:
    answer = chat_for_messages_client(chat_answer({"content": "x"}, usage=None))
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (0, 0)


def test_the_vendors_way_of_counting_reaches_the_client() -> None:
    usage = {"completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 9}}
    xai = Target("m", quirks=Quirks(reasoning_outside_completion=True))
    answer = chat_for_messages_client(chat_answer({"content": "x"}, usage=usage), xai)
    assert answer["usage"]["output_tokens"] == 10


BAD_ANSWERS = [
    b"<html><body>502 Bad Gateway</body></html>",
    b"",
    b"[]",
    b'"text"',
    b'{"object": "list", "data": []}',
    b'{"choices": {}}',
    b'{"content": "x"}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", BAD_ANSWERS, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize("upstream", [CHAT, MESSAGES], ids=lambda codec: codec.name)
@pytest.mark.parametrize("client", [CHAT, MESSAGES], ids=lambda codec: codec.name)
def test_a_body_that_is_no_answer_is_a_failure_of_the_upstream(
    client: Codec, upstream: Codec, body: bytes
) -> None:
    head = chat_head() if client is CHAT else messages_head()
    answer = plan(client, upstream, head, TARGET).answer(body)
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.status) == (FailureKind.UPSTREAM_ERROR, 502)
    assert answer.body == body if client is upstream else client.is_own_error(answer.body)


@pytest.mark.parametrize("made", [chat_to_messages, messages_to_chat])
def test_an_error_inside_a_200_is_read_as_what_it_is(made: Any) -> None:
    error = {"error": {"message": "quota gone", "code": "insufficient_quota", "type": "x"}}
    answer = made(DROP).answer(json.dumps(error).encode())
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.status) == (FailureKind.RATE_LIMITED, 429)
    assert (answer.failure.message, answer.failure.code) == ("quota gone", "insufficient_quota")


def test_passthrough_returns_the_identical_bytes_and_measures_them() -> None:
    body = b' {"choices": [{"message": {"content": "hello"}}],  "usage": {"prompt_tokens": 1}}\n'
    answer = plan(CHAT, CHAT, chat_head(), TARGET).answer(body)
    assert answer.body is body
    assert answer.usage is not None
    assert (answer.failure, answer.output_chars) == (None, 5)


def test_the_extent_of_a_request_is_its_text() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9999}}
    turns = [{"role": "user", "content": [{"type": "text", "text": "x" * 100}, picture]}]
    chars = plan(CHAT, CHAT, chat_head(messages=turns), TARGET).input_chars
    assert 100 <= chars < 200


@pytest.mark.parametrize("made", [messages_to_chat, lambda: plan(CHAT, CHAT, chat_head(), TARGET)])
def test_an_error_inside_a_choice_is_a_failure(made: Any) -> None:
    choice = {"message": {"content": "par"}, "error": {"code": 503, "message": "provider gone"}}
    answer = made().answer(chat_answer({}, choices=[choice]))
    assert answer.failure is not None
    assert (answer.failure.status, answer.failure.message) == (503, "provider gone")
    assert answer.usage is not None


@pytest.mark.parametrize("finish", ["error", "insufficient_system_resource"])
def test_an_answer_that_stopped_on_an_error_is_not_passed_off_as_whole(finish: str) -> None:
    answer = messages_to_chat().answer(chat_answer({"content": "par"}, finish=finish))
    assert answer.failure is not None
    assert answer.failure.kind is FailureKind.UPSTREAM_ERROR

"""Messages requests, written for a chat completions upstream."""

import json
from typing import Any

import pytest
from unit.codecs.wire import DROP, PDF, TARGET, USER, messages_to_chat, refusal, to_chat

from tollway_router.canonical.failure import FailureKind
from tollway_router.codecs.codec import Quirks, Target

TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}


def quirks(**fields: Any) -> Target:
    return Target("m", quirks=Quirks(**fields))


def turns(*messages: dict[str, Any], target: Target = TARGET) -> list[dict[str, Any]]:
    written = to_chat(target, messages=list(messages))["messages"]
    assert isinstance(written, list)
    return written


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def result(content: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "a", "content": content, **fields}


def text(value: str) -> dict[str, str]:
    return {"type": "text", "text": value}


def test_the_system_prompt_is_the_first_message() -> None:
    assert to_chat(system="s")["messages"][0] == {"role": "system", "content": "s"}
    parts = [text("a"), text("b")]
    assert to_chat(system=parts)["messages"][0]["content"] == parts


def test_a_system_message_amid_the_turns_keeps_its_place() -> None:
    roles = [turn["role"] for turn in turns(USER, {"role": "system", "content": "now"}, USER)]
    assert roles == ["user", "system", "user"]


def test_calls_and_results_become_messages_of_their_own() -> None:
    written = turns(
        USER,
        assistant(text("let me"), CALL),
        {"role": "user", "content": [result([text("1")]), text("go on")]},
    )
    arguments = written[1]["tool_calls"][0].pop("function")
    assert json.loads(arguments["arguments"]) == {"x": 1}
    assert written[1] == {
        "role": "assistant",
        "content": "let me",
        "tool_calls": [{"id": "a", "type": "function"}],
    }
    assert written[2] == {"role": "tool", "tool_call_id": "a", "content": "1"}
    assert written[3] == {"role": "user", "content": "go on"}


def test_a_call_alone_has_null_content() -> None:
    assert (
        turns(USER, assistant(CALL), {"role": "user", "content": [result("1")]})[1]["content"]
        is None
    )


def test_a_failed_call_says_so_in_its_text() -> None:
    user = {"role": "user", "content": [result("no such file", is_error=True)]}
    assert turns(USER, assistant(CALL), user)[2]["content"] == "Error: no such file"


def test_a_results_picture_follows_as_user_content() -> None:
    picture = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
    }
    user = {"role": "user", "content": [result([text("see"), picture]), text("well?")]}
    written = turns(USER, assistant(CALL), user)
    assert written[2]["content"] == "see"
    assert written[3]["role"] == "user"
    kinds = [part["type"] for part in written[3]["content"]]
    assert kinds == ["text", "image_url", "text"]
    assert written[3]["content"][1]["image_url"]["url"] == "data:image/png;base64,AAAA"


def test_pdfs_and_text_documents_take_the_shape_of_parts() -> None:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    plain = {"type": "text", "media_type": "text/plain", "data": "body"}
    content = [
        {"type": "document", "source": pdf, "title": "a.pdf"},
        {"type": "document", "source": plain, "title": "Notes"},
    ]
    parts = turns({"role": "user", "content": content})[0]["content"]
    assert parts[0] == {
        "type": "file",
        "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
    }
    assert parts[1] == text("Notes\n\nbody")


@pytest.mark.parametrize(
    ("choice", "written", "parallel"),
    [
        ({"type": "auto"}, "auto", None),
        ({"type": "none"}, "none", None),
        ({"type": "any", "disable_parallel_tool_use": True}, "required", False),
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}, None),
    ],
)
def test_tool_choice_is_taken_apart(choice: object, written: object, parallel: object) -> None:
    body = to_chat(tools=[TOOL], tool_choice=choice)
    assert body["tool_choice"] == written
    assert body.get("parallel_tool_calls") is parallel


def test_tools_become_functions() -> None:
    assert to_chat(tools=[{**TOOL, "strict": True}])["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "f",
                "description": "d",
                "parameters": {"type": "object"},
                "strict": True,
            },
        }
    ]


@pytest.mark.parametrize("place", ["output_config", "output_format"])
def test_structured_output_is_read_under_its_present_and_its_former_name(place: str) -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    fields = {place: {"format": wanted} if place == "output_config" else wanted}
    assert to_chat(**fields)["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "response", "schema": {"type": "object"}, "strict": True},
    }


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 30000}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "xhigh"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "disabled"}}, None),
        ({"output_config": {"effort": "low"}}, "low"),
    ],
)
def test_budgets_become_efforts(fields: dict[str, Any], effort: str | None) -> None:
    assert to_chat(**fields).get("reasoning_effort") == effort


def test_a_vendor_that_takes_budgets_gets_them() -> None:
    target = quirks(reasoning_request="reasoning")
    body = to_chat(target, thinking={"type": "enabled", "budget_tokens": 2000})
    assert body["reasoning"] == {"max_tokens": 2000}


def test_thinking_and_its_signature_survive_towards_chat() -> None:
    thinking = {"type": "thinking", "thinking": "t", "signature": "sig"}
    redacted = {"type": "redacted_thinking", "data": "enc"}
    written = turns(USER, assistant(thinking, redacted, text("a")), USER)[1]
    assert written["reasoning_content"] == "t"
    assert written["thinking_blocks"] == [thinking, redacted]


def test_thinking_goes_by_the_vendors_names() -> None:
    thinking = {"type": "thinking", "thinking": "t", "signature": "sig"}
    spoken = assistant(thinking, text("a"))
    unsigned = assistant({**thinking, "signature": ""}, text("a"))
    assert (
        turns(USER, unsigned, USER, target=quirks(reasoning_field="reasoning"))[1]["reasoning"]
        == "t"
    )
    details = turns(USER, spoken, USER, target=quirks(signed_reasoning="reasoning_details"))[1]
    assert details["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "text": "t",
            "signature": "sig",
            "format": "anthropic-claude-v1",
            "index": 0,
        }
    ]
    without = messages_to_chat(quirks(reasoning_in_requests=False), messages=[USER, spoken, USER])
    assert without.dropped == ("reasoning_content",)


def test_cache_markers_go_to_vendors_that_know_them_and_are_hints_elsewhere() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    system = [{**text("s"), "cache_control": mark}]
    tools = [{**TOOL, "cache_control": mark}]
    plain = messages_to_chat(system=system, tools=tools)
    assert b"cache_control" not in plain.body
    assert plain.dropped == ("cache_control",)
    body = to_chat(quirks(cache_control=True), system=system, tools=tools)
    assert body["messages"][0]["content"][0]["cache_control"] == mark
    assert body["tools"][0]["cache_control"] == mark


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"top_k": 5}, "top_k"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
        ({"tools": [{**TOOL, "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"mcp_servers": [{"type": "url", "name": "x", "url": "https://x"}]}, "mcp_servers"),
        ({"container": "c"}, "container"),
        ({"messages": [USER, {"role": "assistant", "content": "The answer is"}]}, "messages[1]"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
                        ],
                    }
                ]
            },
            "messages[0].content[0].source",
        ),
        (
            {
                "messages": [
                    USER,
                    assistant({"type": "server_tool_use", "id": "s", "name": "web", "input": {}}),
                    USER,
                ]
            },
            "messages[1].content[0]",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "document",
                                "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                                "citations": {"enabled": True},
                            }
                        ],
                    }
                ]
            },
            "messages[0].content[0].citations",
        ),
    ],
)
def test_what_chat_cannot_say_is_refused_by_its_place_or_dropped_by_name(
    fields: dict[str, Any], param: str
) -> None:
    failure = refusal(to_chat, **fields)
    assert (failure.kind, failure.status, failure.param) == (FailureKind.UNSUPPORTED, 400, param)
    assert messages_to_chat(DROP, **fields).dropped == (param,)


def test_a_begun_answer_goes_to_vendors_that_go_on_from_it() -> None:
    begun = {"role": "assistant", "content": "The answer is"}
    assert turns(USER, begun, target=quirks(prefill=True))[1] == {**begun, "prefix": True}


def test_limits_go_by_the_vendors_name_and_streams_always_ask_for_usage() -> None:
    body = to_chat(stream=True, stop_sequences=["END"], metadata={"user_id": "u"})
    assert body["max_completion_tokens"] == 100
    assert body["stream_options"] == {"include_usage": True}
    assert (body["stop"], body["user"]) == (["END"], "u")
    older = to_chat(quirks(max_tokens_field="max_tokens", stream_options=False), stream=True)
    assert older["max_tokens"] == 100
    assert "stream_options" not in older


def test_a_temperature_that_the_model_does_not_take_is_dropped_by_name() -> None:
    made = messages_to_chat(Target("m", supports_temperature=False), temperature=0.3)
    assert b"temperature" not in made.body
    assert made.dropped == ("temperature",)


def test_a_missing_max_tokens_is_refused() -> None:
    failure = refusal(to_chat, max_tokens=None)
    assert (failure.kind, failure.param) == (FailureKind.INVALID_REQUEST, "max_tokens")

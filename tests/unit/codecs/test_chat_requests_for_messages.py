"""Chat completions requests, written for a Messages upstream."""

import json
from typing import Any

import pytest
from unit.codecs.wire import DROP, PDF, TARGET, USER, chat_to_messages, refusal, to_messages

from tollway_router.canonical.failure import FailureKind
from tollway_router.codecs.codec import Quirks, Target

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def call(call_id: str, arguments: str = "{}") -> dict[str, Any]:
    function = {"name": "f", "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def messages(*turns: dict[str, Any], target: Target = TARGET) -> list[dict[str, Any]]:
    written = to_messages(target, messages=list(turns))["messages"]
    assert isinstance(written, list)
    return written


def text(value: str) -> dict[str, str]:
    return {"type": "text", "text": value}


def test_leading_system_and_developer_messages_become_the_system_prompt() -> None:
    system = {"role": "system", "content": "a"}
    developer = {"role": "developer", "content": [text("b")]}
    body = to_messages(messages=[system, developer, USER])
    assert body["system"] == [text("a"), text("b")]
    assert [turn["role"] for turn in body["messages"]] == ["user"]


def test_a_system_message_amid_the_turns_is_hoisted_unless_the_model_takes_it_there() -> None:
    turns = [USER, {"role": "system", "content": "now"}, USER]
    assert to_messages(messages=turns)["system"] == [text("now")]
    native = Target("m", quirks=Quirks(system_in_messages=True))
    roles = [turn["role"] for turn in to_messages(native, messages=turns)["messages"]]
    assert roles == ["user", "system", "user"]


def test_max_tokens_is_required_so_a_default_stands_in() -> None:
    assert to_messages()["max_tokens"] == 4096
    assert to_messages(Target("m", max_output_tokens=9000))["max_tokens"] == 9000
    assert to_messages(max_tokens=5, max_completion_tokens=7)["max_tokens"] == 7


def test_tool_results_are_one_user_turn_with_the_text_after_them() -> None:
    turns = messages(
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": [text("2")]},
        {"role": "user", "content": "go on"},
    )
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block["type"] for block in turns[2]["content"]] == [
        "tool_result",
        "tool_result",
        "text",
    ]


def test_a_tool_result_stands_first_in_its_turn_wherever_the_client_put_it() -> None:
    turns = messages(
        USER,
        {"role": "assistant", "tool_calls": [call("a")]},
        {"role": "user", "content": "hurry"},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    )
    assert [block["type"] for block in turns[2]["content"]] == ["tool_result", "text"]


def test_neighbours_of_one_role_become_one_turn() -> None:
    turns = messages(USER, USER, {"role": "assistant", "content": "x"}, USER)
    assert [len(turn["content"]) for turn in turns] == [2, 1, 1]


def test_empty_text_is_left_out_and_an_empty_turn_with_it() -> None:
    turns = messages(
        USER, {"role": "assistant", "content": "", "tool_calls": [call("a")]}, {**USER}
    )
    assert [block["type"] for block in turns[1]["content"]] == ["tool_use"]
    assert len(messages(USER, {"role": "assistant", "content": ""})) == 1


@pytest.mark.parametrize("arguments", ["", "  ", "null", "{}"])
def test_empty_arguments_become_an_empty_object(arguments: str) -> None:
    turns = messages(USER, {"role": "assistant", "tool_calls": [call("a", arguments)]})
    assert turns[1]["content"][0]["input"] == {}


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", '"x"'])
def test_arguments_that_are_no_object_are_refused_by_their_place(arguments: str) -> None:
    history = [USER, {"role": "assistant", "tool_calls": [call("a", arguments)]}]
    failure = refusal(to_messages, messages=history)
    assert failure.param == "messages[1].tool_calls[0].function.arguments"


def test_a_call_id_that_messages_refuses_is_made_sayable_on_both_ends() -> None:
    turns = messages(
        USER,
        {"role": "assistant", "tool_calls": [call("functions.f:0")]},
        {"role": "tool", "tool_call_id": "functions.f:0", "content": "1"},
    )
    assert turns[1]["content"][0]["id"] == turns[2]["content"][0]["tool_use_id"] == "functions_f_0"


def test_images_and_pdfs_take_the_shape_of_blocks() -> None:
    content = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "auto"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,aGk="}},
    ]
    blocks = messages({"role": "user", "content": content})[0]["content"]
    assert blocks == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
    ]


def test_cache_markers_survive_on_parts_tools_and_results() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    body = to_messages(
        messages=[
            {"role": "system", "content": [{**text("s"), "cache_control": mark}]},
            {"role": "user", "content": [{**text("u"), "cache_control": mark}]},
            {"role": "assistant", "tool_calls": [call("a")]},
            {"role": "tool", "tool_call_id": "a", "content": "1", "cache_control": mark},
        ],
        tools=[{**TOOL, "cache_control": mark}],
    )
    assert body["system"][0]["cache_control"] == mark
    assert body["messages"][0]["content"][0]["cache_control"] == mark
    assert body["messages"][2]["content"][0]["cache_control"] == mark
    assert body["tools"][0]["cache_control"] == mark


@pytest.mark.parametrize(
    ("choice", "parallel", "written"),
    [
        ("auto", None, {"type": "auto"}),
        ("none", False, {"type": "none"}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        (
            {"type": "function", "function": {"name": "f"}},
            True,
            {"type": "tool", "name": "f", "disable_parallel_tool_use": False},
        ),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, True, None),
    ],
)
def test_tool_choice_and_the_parallel_flag_are_one_object(
    choice: object, parallel: bool | None, written: object
) -> None:
    body = to_messages(tools=[TOOL], tool_choice=choice, parallel_tool_calls=parallel)
    assert body.get("tool_choice") == written


def test_a_tool_without_parameters_gets_an_empty_schema() -> None:
    tools = to_messages(tools=[{"type": "function", "function": {"name": "f"}}])["tools"]
    assert tools == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]


def test_a_json_schema_becomes_the_output_format() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    body = to_messages(response_format=wanted)
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": schema}}


def test_an_effort_becomes_a_budget_below_max_tokens() -> None:
    body = to_messages(reasoning_effort="low")
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert body["max_tokens"] > 2048
    tight = to_messages(reasoning_effort="high", max_tokens=3000)
    assert tight["thinking"]["budget_tokens"] == 2999
    assert refusal(to_messages, reasoning_effort="high", max_tokens=900).param == "reasoning_effort"


def test_an_effort_stays_an_effort_for_models_that_think_adaptively() -> None:
    target = Target("m", quirks=Quirks(adaptive_thinking=True))
    body = to_messages(target, reasoning_effort="xhigh")
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": "xhigh"}


def test_no_effort_turns_thinking_off() -> None:
    assert to_messages(reasoning_effort="none")["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(("field", "value"), [("tool_choice", "required"), ("temperature", 0.2)])
def test_what_goes_not_with_thinking_is_named(field: str, value: object) -> None:
    fields = {"reasoning_effort": "low", "tools": [TOOL], field: value}
    assert refusal(to_messages, **fields).param == field
    made = chat_to_messages(DROP, **fields)
    assert made.dropped == (field,)
    assert json.loads(made.body).get(field) in (None, {"type": "auto"})


def test_signed_thinking_goes_back_unmodified_and_unsigned_is_left_out_by_name() -> None:
    blocks = [
        {"type": "thinking", "thinking": "t", "signature": "sig=="},
        {"type": "redacted_thinking", "data": "enc"},
    ]
    answer = {"role": "assistant", "content": "a", "reasoning_content": "t"}
    made = chat_to_messages(messages=[USER, {**answer, "thinking_blocks": blocks}, USER])
    assert json.loads(made.body)["messages"][1]["content"] == [*blocks, text("a")]
    assert made.dropped == ()
    unsigned = chat_to_messages(messages=[USER, answer, USER])
    assert json.loads(unsigned.body)["messages"][1]["content"] == [text("a")]
    assert unsigned.dropped == ("reasoning",)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("seed", 7),
        ("frequency_penalty", 0.5),
        ("presence_penalty", -1),
        ("logit_bias", {"50256": -100}),
        ("response_format", {"type": "json_object"}),
        ("service_tier", "flex"),
        ("temperature", 1.5),
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("modalities", ["text", "audio"]),
        ("prediction", {"type": "content", "content": "x"}),
        ("a_field_of_a_vendor", 1),
    ],
)
def test_what_messages_cannot_say_is_refused_by_name_or_dropped_by_name(
    field: str, value: object
) -> None:
    failure = refusal(to_messages, **{field: value})
    assert (failure.kind, failure.status, failure.param) == (FailureKind.UNSUPPORTED, 400, field)
    made = chat_to_messages(DROP, **{field: value})
    assert made.dropped == (field,)
    assert field not in json.loads(made.body)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 1),
        ("logprobs", False),
        ("frequency_penalty", 0),
        ("logit_bias", {}),
        ("modalities", ["text"]),
        ("store", False),
        ("seed", None),
        ("response_format", {"type": "text"}),
    ],
)
def test_a_field_at_its_default_says_nothing(field: str, value: object) -> None:
    assert chat_to_messages(**{field: value}).dropped == ()


def test_fields_that_do_not_change_the_answer_are_named_but_not_refused() -> None:
    assert chat_to_messages(prompt_cache_key="k", store=True).dropped == (
        "prompt_cache_key",
        "store",
    )


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
            "messages[0].content[1].input_audio",
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, "messages[0].content[1].file"),
    ],
)
def test_content_that_messages_does_not_have_is_refused_by_its_place(
    content: dict[str, Any], param: str
) -> None:
    turns = [{"role": "user", "content": [text("x"), content]}]
    assert refusal(to_messages, messages=turns).param == param
    assert chat_to_messages(DROP, messages=turns).dropped == (param,)


def test_a_participants_name_is_refused_by_its_place() -> None:
    named = {**USER, "name": "ann"}
    assert refusal(to_messages, messages=[named]).param == "messages[0].name"


def test_what_clients_echo_of_an_answer_does_no_harm() -> None:
    echoed = {
        "role": "assistant",
        "content": "x",
        "refusal": None,
        "annotations": [{"type": "url_citation"}],
        "audio": None,
        "function_call": None,
        "tool_calls": None,
    }
    assert chat_to_messages(messages=[USER, echoed, USER]).dropped == ()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop": [1]}, "stop"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
    ],
)
def test_a_request_that_breaks_the_format_is_refused_by_its_place(
    fields: dict[str, Any], param: str
) -> None:
    failure = refusal(to_messages, **fields)
    assert (failure.kind, failure.param) == (FailureKind.INVALID_REQUEST, param)


def test_the_rest_of_a_request_finds_its_fields() -> None:
    body = to_messages(
        stop="END", top_p=0.5, top_k=7, user="u", stream=True, service_tier="default"
    )
    assert body["stop_sequences"] == ["END"]
    assert (body["top_p"], body["top_k"], body["stream"]) == (0.5, 7, True)
    assert body["metadata"] == {"user_id": "u"}
    assert body["service_tier"] == "standard_only"
    assert body["model"] == "upstream-model"

"""The Chat Completions wire, driven by OpenAI's SDK."""

import json
from typing import Any

import httpx2
import openai
import pytest
from pydantic import BaseModel

USER = "hello there, how are you?"  # 25 bytes: 7 tokens
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a place",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
OTHER_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
}


def say(text: str = USER, **more: Any) -> dict[str, Any]:
    return {"model": "sim-echo", "messages": [{"role": "user", "content": text}], **more}


async def test_a_plain_answer_echoes_and_counts(chat: openai.AsyncOpenAI) -> None:
    answer = await chat.chat.completions.create(**say())
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == "sim-echo"
    assert answer.system_fingerprint
    assert answer.choices[0].message.content == USER
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 7)
    assert answer.usage.total_tokens == 14


async def test_answers_repeat_but_ids_never_do(chat: openai.AsyncOpenAI) -> None:
    one, two = [await chat.chat.completions.create(**say(model="sim-prose")) for _ in range(2)]
    assert one.choices[0].message.content == two.choices[0].message.content
    assert one.usage == two.usage
    assert one.usage
    assert one.usage.completion_tokens == 64
    assert one.id != two.id


async def test_a_stream_has_role_content_finish_usage_and_done(http: httpx2.AsyncClient) -> None:
    body = say(stream=True, stream_options={"include_usage": True})
    answer = await http.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = answer.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert "".join(delta["content"] for delta in deltas[:-1]) == USER
    assert len(deltas) == 1 + 7 + 1
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]]
    assert reasons == [None] * 8 + ["stop"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 14


async def test_a_stream_tells_no_usage_unless_asked(http: httpx2.AsyncClient) -> None:
    answer = await http.post("/v1/chat/completions", json=say(stream=True))
    assert '"usage"' not in answer.text


async def test_the_sdk_accumulates_a_stream(chat: openai.AsyncOpenAI) -> None:
    async with chat.chat.completions.stream(
        **say('größer 🙂 "quoted"\n'), stream_options={"include_usage": True}
    ) as stream:
        answer = await stream.get_final_completion()
    assert answer.choices[0].message.content == 'größer 🙂 "quoted"\n'
    assert answer.usage
    assert answer.usage.completion_tokens == 6


async def test_max_tokens_cut_the_answer(chat: openai.AsyncOpenAI) -> None:
    answer = await chat.chat.completions.create(**say(max_completion_tokens=3))
    assert answer.choices[0].message.content == USER[:12]
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage
    assert answer.usage.completion_tokens == 3


async def test_max_tokens_cut_a_stream(chat: openai.AsyncOpenAI) -> None:
    stream = await chat.chat.completions.create(**say(max_tokens=3), stream=True)
    choices = [chunk.choices[0] async for chunk in stream]
    assert "".join(choice.delta.content or "" for choice in choices) == USER[:12]
    assert choices[-1].finish_reason == "length"


async def test_a_stop_sequence_ends_the_answer(chat: openai.AsyncOpenAI) -> None:
    answer = await chat.chat.completions.create(**say(stop=["you", "how"]))
    assert answer.choices[0].message.content == "hello there, "
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_prompt_that_asks_gets_a_tool_call(chat: openai.AsyncOpenAI, stream: bool) -> None:
    asked = say("Use the tool, please.", tools=[TOOL])
    if stream:
        async with chat.chat.completions.stream(**asked) as events:
            answer: Any = await events.get_final_completion()
    else:
        answer = await chat.chat.completions.create(**asked)
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert not choice.message.content
    (call,) = choice.message.tool_calls
    assert call.id.startswith("call_")
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "city", "days": 1}


@pytest.mark.parametrize("stream", [False, True])
async def test_all_tools_are_called_at_once_when_asked(
    chat: openai.AsyncOpenAI, stream: bool
) -> None:
    asked = say("use the tools", tools=[TOOL, OTHER_TOOL])
    if stream:
        async with chat.chat.completions.stream(**asked) as events:
            answer: Any = await events.get_final_completion()
    else:
        answer = await chat.chat.completions.create(**asked)
    calls = answer.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert len({call.id for call in calls}) == 2


async def test_parallel_calls_can_be_forbidden(chat: openai.AsyncOpenAI) -> None:
    answer = await chat.chat.completions.create(
        **say("use the tools", tools=[TOOL, OTHER_TOOL], parallel_tool_calls=False)
    )
    assert len(answer.choices[0].message.tool_calls or []) == 1


async def test_the_prompt_may_name_the_tool(chat: openai.AsyncOpenAI) -> None:
    answer: Any = await chat.chat.completions.create(
        **say("use the tool get_time", tools=[TOOL, OTHER_TOOL])
    )
    assert answer.choices[0].message.tool_calls[0].function.name == "get_time"


@pytest.mark.parametrize(
    ("choice", "name", "finish"),
    [
        ("required", "get_weather", "tool_calls"),
        ({"type": "function", "function": {"name": "get_time"}}, "get_time", "stop"),
    ],
)
async def test_tool_choice_forces_a_call(
    chat: openai.AsyncOpenAI, choice: Any, name: str, finish: str
) -> None:
    answer: Any = await chat.chat.completions.create(
        **say(tools=[TOOL, OTHER_TOOL], tool_choice=choice)
    )
    assert answer.choices[0].message.tool_calls[0].function.name == name
    assert answer.choices[0].finish_reason == finish


async def test_tool_choice_none_forbids_a_call(chat: openai.AsyncOpenAI) -> None:
    answer = await chat.chat.completions.create(
        **say("use the tool", tools=[TOOL], tool_choice="none")
    )
    assert answer.choices[0].message.tool_calls is None


async def test_a_custom_tool_gets_free_text(chat: openai.AsyncOpenAI) -> None:
    tool = {"type": "custom", "custom": {"name": "shell"}}
    answer: Any = await chat.chat.completions.create(**say("use the tool: ls", tools=[tool]))
    assert answer.choices[0].message.tool_calls[0].custom.input == "use the tool: ls"


async def test_a_tool_result_is_answered_with_text(chat: openai.AsyncOpenAI) -> None:
    first: Any = await chat.chat.completions.create(**say("use the tool", tools=[TOOL]))
    call = first.choices[0].message.tool_calls[0]
    second = await chat.chat.completions.create(
        model="sim-echo",
        tools=[TOOL],  # type: ignore[list-item]
        messages=[
            {"role": "user", "content": "use the tool"},
            first.choices[0].message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        ],
    )
    assert second.choices[0].message.content == "sunny"


class City(BaseModel):
    name: str
    people: int
    twin: str | None


async def test_a_json_schema_is_fitted(chat: openai.AsyncOpenAI) -> None:
    answer = await chat.chat.completions.parse(**say(), response_format=City)
    assert isinstance(answer.choices[0].message.parsed, City)


async def test_a_json_object_is_json(chat: openai.AsyncOpenAI) -> None:
    answer = await chat.chat.completions.create(**say(response_format={"type": "json_object"}))
    assert json.loads(answer.choices[0].message.content or "") == {"answer": USER}


async def test_reasoning_is_counted_inside_the_output_and_not_shown(
    chat: openai.AsyncOpenAI,
) -> None:
    answer = await chat.chat.completions.create(**say(reasoning_effort="low"))
    assert answer.usage
    assert answer.usage.completion_tokens_details
    assert answer.usage.completion_tokens_details.reasoning_tokens == 16
    assert answer.usage.completion_tokens == 16 + 7
    assert not hasattr(answer.choices[0].message, "reasoning_content")


@pytest.mark.parametrize("stream", [False, True])
async def test_reasoning_can_be_exposed(http: httpx2.AsyncClient, stream: bool) -> None:
    body = say(model="sim-echo;think=5;expose", stream=stream)
    answer = await http.post("/v1/chat/completions", json=body)
    if stream:
        events = answer.text.split("\n\n")[:-2]
        deltas = [json.loads(event[6:])["choices"][0]["delta"] for event in events]
        shown = "".join(delta.get("reasoning_content", "") for delta in deltas)
    else:
        shown = answer.json()["choices"][0]["message"]["reasoning_content"]
    assert len(shown) == 20


async def test_a_long_prompt_is_cached_the_second_time(chat: openai.AsyncOpenAI) -> None:
    prompt = "x" * 4 * 2000
    first, second = [await chat.chat.completions.create(**say(prompt)) for _ in range(2)]
    assert first.usage
    assert second.usage
    assert first.usage.prompt_tokens_details
    assert second.usage.prompt_tokens_details
    assert first.usage.prompt_tokens == second.usage.prompt_tokens == 2000
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    assert second.usage.prompt_tokens_details.cached_tokens == 1920


async def test_images_weigh_256_tokens(chat: openai.AsyncOpenAI) -> None:
    content = [
        {"type": "text", "text": "what?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    answer = await chat.chat.completions.create(
        model="sim-echo",
        messages=[{"role": "user", "content": content}],  # type: ignore[list-item,misc]
    )
    assert answer.usage
    assert answer.usage.prompt_tokens == 2 + 256


async def test_several_choices_are_all_billed(chat: openai.AsyncOpenAI) -> None:
    answer = await chat.chat.completions.create(**say(n=3))
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage
    assert answer.usage.completion_tokens == 21


async def test_the_served_tier_may_differ_from_the_asked_one(chat: openai.AsyncOpenAI) -> None:
    answer = await chat.chat.completions.create(
        **say(model="sim-echo;tier=default", service_tier="priority")
    )
    assert answer.service_tier == "default"
    answer = await chat.chat.completions.create(**say(service_tier="priority"))
    assert answer.service_tier == "priority"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": []}, "messages"),
        ({"model": "m", "messages": [{"content": "x"}]}, "messages[0].role"),
        ({"model": 3, "messages": []}, "model"),
        ({"model": "m", "messages": [{"role": "user"}], "n": 129}, "n"),
        ({"model": "m", "messages": [{"role": "user"}], "n": 0}, "n"),
        ({"model": "m", "messages": [{"role": "user"}], "max_tokens": -1}, "max_tokens"),
        ({"model": "m", "messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        (
            {"model": "m", "messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]},
            "messages.[0].role",
        ),
        (
            {
                "model": "m",
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [
                            {
                                "id": "c",
                                "type": "function",
                                "function": {"name": "f", "arguments": "{}"},
                            }
                        ],
                    },
                    {"role": "user", "content": "x"},
                ],
            },
            "messages.[1].role",
        ),
    ],
)
async def test_a_bad_request_is_refused_and_its_field_named(
    http: httpx2.AsyncClient, body: dict[str, Any], param: str
) -> None:
    answer = await http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param


async def test_a_schema_that_is_none_is_refused(http: httpx2.AsyncClient) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"$ref": "#"}}}
    answer = await http.post("/v1/chat/completions", json=say(response_format=wanted))
    assert answer.status_code == 400
    assert "Invalid schema" in answer.json()["error"]["message"]


async def test_a_body_that_is_not_json_is_refused(http: httpx2.AsyncClient) -> None:
    for body in (b"{not json", b"\xff", b"", b"null", b"[]", b'"\\ud83d x"'):
        answer = await http.post("/v1/chat/completions", content=body)
        assert answer.status_code == 400

"""The Messages wire, driven by Anthropic's SDK."""

import json
from typing import Any

import anthropic
import httpx2
import pytest
from pydantic import BaseModel

USER = "hello there, how are you?"  # 25 bytes: 7 tokens
TOOL: dict[str, Any] = {
    "name": "get_weather",
    "description": "Weather of a place",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}
OTHER_TOOL: dict[str, Any] = {
    "name": "get_time",
    "input_schema": {"type": "object", "properties": {}},
}


def say(content: Any = USER, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    return {"model": "sim-echo", "max_tokens": 500, "messages": messages, **more}


async def answer_to(claude: anthropic.AsyncAnthropic, stream: bool, **asked: Any) -> Any:
    if not stream:
        return await claude.messages.create(**asked)
    async with claude.messages.stream(**asked) as events:
        return await events.get_final_message()


both = pytest.mark.parametrize("stream", [False, True])


@both
async def test_a_plain_answer_echoes_and_counts(
    claude: anthropic.AsyncAnthropic, stream: bool
) -> None:
    answer = await answer_to(claude, stream, **say())
    assert answer.id.startswith("msg_01")
    assert answer.type == "message"
    assert answer.model == "sim-echo"
    assert [block.text for block in answer.content] == [USER]
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (7, 7)
    assert answer.usage.cache_creation.ephemeral_5m_input_tokens == 0


async def test_a_stream_has_the_documented_order(http: httpx2.AsyncClient) -> None:
    answer = await http.post("/v1/messages", json=say(stream=True))
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = [event.split("\n") for event in answer.text.split("\n\n")[:-1]]
    names = [name.removeprefix("event: ") for name, _ in events]
    assert names == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * 7,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    data = [json.loads(line.removeprefix("data: ")) for _, line in events]
    assert [event["type"] for event in data] == names
    assert data[0]["message"]["usage"]["output_tokens"] == 1
    assert data[-2]["usage"]["output_tokens"] == 7
    assert data[-2]["usage"]["input_tokens"] == 7


@both
async def test_max_tokens_cut_the_answer(claude: anthropic.AsyncAnthropic, stream: bool) -> None:
    answer = await answer_to(claude, stream, **say(max_tokens=3))
    assert answer.content[0].text == USER[:12]
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 3


@both
async def test_no_tokens_at_all_give_an_empty_answer(
    claude: anthropic.AsyncAnthropic, stream: bool
) -> None:
    answer = await answer_to(claude, stream, **say(max_tokens=0))
    assert answer.content == []
    assert answer.usage.output_tokens == 0


@both
async def test_a_stop_sequence_ends_the_answer_and_is_named(
    claude: anthropic.AsyncAnthropic, stream: bool
) -> None:
    answer = await answer_to(claude, stream, **say(stop_sequences=["you", "how"]))
    assert answer.content[0].text == "hello there, "
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "how")


@both
async def test_a_prompt_that_asks_gets_a_tool_call(
    claude: anthropic.AsyncAnthropic, stream: bool
) -> None:
    answer = await answer_to(claude, stream, **say("Use the tool, please.", tools=[TOOL]))
    (call,) = answer.content
    assert call.id.startswith("toolu_01")
    assert (call.name, call.input) == ("get_weather", {"city": "city", "days": 1})
    assert answer.stop_reason == "tool_use"


@both
async def test_all_tools_are_called_at_once_when_asked(
    claude: anthropic.AsyncAnthropic, stream: bool
) -> None:
    answer = await answer_to(claude, stream, **say("use the tools", tools=[TOOL, OTHER_TOOL]))
    assert [block.name for block in answer.content] == ["get_weather", "get_time"]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "any"}, ["get_weather"]),
        ({"type": "tool", "name": "get_time"}, ["get_time"]),
        ({"type": "auto", "disable_parallel_tool_use": True}, []),
        ({"type": "none"}, []),
    ],
)
async def test_tool_choice_decides(
    claude: anthropic.AsyncAnthropic, choice: Any, names: list[str]
) -> None:
    answer: Any = await claude.messages.create(**say(tools=[TOOL, OTHER_TOOL], tool_choice=choice))
    assert [block.name for block in answer.content if block.type == "tool_use"] == names


@both
async def test_thinking_is_signed_and_may_return_unchanged(
    claude: anthropic.AsyncAnthropic, stream: bool
) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    asked = say("use the tool", tools=[TOOL], thinking=thinking, max_tokens=2000)
    first = await answer_to(claude, stream, **asked)
    thought, call = first.content
    assert len(thought.thinking) == 4 * 32
    assert first.usage.output_tokens_details.thinking_tokens == 32
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    asked["messages"] += [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    second = await answer_to(claude, stream, **asked)
    assert second.content[-1].text == "sunny"


async def test_thinking_that_was_changed_is_refused(claude: anthropic.AsyncAnthropic) -> None:
    thinking = {"type": "adaptive"}
    first: Any = await claude.messages.create(**say(thinking=thinking))
    changed = first.content[0].model_copy(update={"thinking": "other"})
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        await claude.messages.create(
            model="sim-echo",
            max_tokens=10,
            messages=[
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": [changed]},
                {"role": "user", "content": "y"},
            ],
        )


@both
async def test_omitted_thinking_is_billed_signed_and_empty(
    claude: anthropic.AsyncAnthropic, stream: bool
) -> None:
    thinking = {"type": "adaptive", "display": "omitted"}
    answer = await answer_to(claude, stream, **say(thinking=thinking))
    assert answer.content[0].thinking == ""
    assert answer.content[0].signature
    assert answer.usage.output_tokens == 32 + 7


@both
async def test_marked_prefixes_are_written_and_then_read(
    claude: anthropic.AsyncAnthropic, stream: bool
) -> None:
    system = [
        {"type": "text", "text": "a" * 8000, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "b" * 400, "cache_control": {"type": "ephemeral"}},
    ]
    first, second = [await answer_to(claude, stream, **say(system=system)) for _ in range(2)]
    assert first.usage.input_tokens == second.usage.input_tokens == 7
    assert first.usage.cache_creation_input_tokens == 2100
    assert first.usage.cache_creation.ephemeral_1h_input_tokens == 2000
    assert first.usage.cache_creation.ephemeral_5m_input_tokens == 100
    assert first.usage.cache_read_input_tokens == 0
    assert second.usage.cache_read_input_tokens == 2100
    assert second.usage.cache_creation_input_tokens == 0


async def test_a_mark_on_the_request_marks_its_last_block(
    claude: anthropic.AsyncAnthropic,
) -> None:
    asked = say("c" * 8000, cache_control={"type": "ephemeral"})
    first, second = [await claude.messages.create(**asked) for _ in range(2)]
    assert first.usage.cache_creation_input_tokens == 2000
    assert second.usage.cache_read_input_tokens == 2000


class City(BaseModel):
    name: str
    people: int


async def test_a_json_schema_is_fitted(claude: anthropic.AsyncAnthropic) -> None:
    answer = await claude.messages.parse(**say(), output_format=City)
    assert isinstance(answer.parsed_output, City)


async def test_counting_is_free_and_agrees_with_the_answer(
    claude: anthropic.AsyncAnthropic, http: httpx2.AsyncClient
) -> None:
    asked = say(system="be kind", tools=[TOOL])
    del asked["max_tokens"]
    counted = await claude.messages.count_tokens(**asked)
    assert (await http.get("/sim/ledger/totals")).json()["requests"] == 0
    answer = await claude.messages.create(max_tokens=10, **asked)
    assert counted.input_tokens == answer.usage.input_tokens


async def test_usage_can_be_dictated(claude: anthropic.AsyncAnthropic) -> None:
    model = "sim-echo;input=1;cached=2;written=3;written-1h=4;searches=5;geo=us;tier=priority"
    answer = await claude.messages.create(**say(model=model))
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens) == (1, 2)
    assert usage.cache_creation_input_tokens == 7
    assert usage.server_tool_use
    assert usage.server_tool_use.web_search_requests == 5
    assert (usage.inference_geo, usage.service_tier) == ("us", "priority")


async def test_input_may_be_corrected_at_the_end(claude: anthropic.AsyncAnthropic) -> None:
    async with claude.messages.stream(**say(model="sim-echo;usage=corrected")) as events:
        told = [
            event.message.usage.input_tokens
            async for event in events
            if event.type == "message_start"
        ]
        final = await events.get_final_message()
    assert told == [1]
    assert final.usage.input_tokens == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": -1}, "greater than or equal to 0"),
        ({"messages": []}, "at least one message"),
        ({"model": 3}, "model: Expected `str`"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}],
                    }
                ]
            },
            "unexpected `tool_use_id`",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}],
                    },
                    {"role": "user", "content": "x"},
                ]
            },
            "messages.0: `tool_use` ids were found without",
        ),
    ],
)
async def test_a_bad_request_is_refused_in_anthropics_words(
    http: httpx2.AsyncClient, change: dict[str, Any], message: str
) -> None:
    answer = await http.post("/v1/messages", json={**say(), **change})
    assert answer.status_code == 400
    body = answer.json()
    assert body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error"
    assert message in body["error"]["message"]
    assert body["request_id"] == answer.headers["request-id"]
    assert answer.headers["x-should-retry"] == "false"

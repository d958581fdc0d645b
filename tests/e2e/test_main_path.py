"""From a model's registration to a client's answer and to its line in a cost report."""

import asyncio
import hashlib
import time
from decimal import Decimal

import anthropic
import httpx2
import openai
import pytest
from support.workspaces import Workspace, until

from tollway_cli.stack import Stack

ASK = [{"role": "user", "content": "Say something about toll roads."}]
PER_MTOK = Decimal(1_000_000)


@pytest.fixture(scope="module")
def env(stack: Stack) -> dict[str, str]:
    return stack.env


@pytest.fixture(scope="module")
async def openai_client(env):
    async with openai.AsyncOpenAI(
        base_url=env["OPENAI_BASE_URL"], api_key=env["OPENAI_API_KEY"], max_retries=0
    ) as client:
        yield client


@pytest.fixture(scope="module")
async def anthropic_client(env):
    async with anthropic.AsyncAnthropic(
        base_url=env["ANTHROPIC_BASE_URL"], api_key=env["ANTHROPIC_API_KEY"], max_retries=0
    ) as client:
        yield client


async def charged(workspace: Workspace, request_id: str) -> dict:
    """Wait until a request's one attempt is charged."""

    async def priced():
        (item,) = await workspace.usage(request_id)
        return item if item["charge_id"] else None

    return await until(priced, f"a charge for {request_id}")


@pytest.mark.parametrize("model", ["demo-chat", "demo-claude"])
async def test_the_openai_sdk_is_answered_whole_by_either_upstream(openai_client, demo, model):
    raw = await openai_client.chat.completions.with_raw_response.create(model=model, messages=ASK)
    answer = raw.parse()
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert raw.headers["x-tollway-model"] == model
    assert raw.headers["x-tollway-attempts"] == "1"
    item = await charged(demo, raw.headers["x-tollway-request-id"])
    assert item["model"] == model
    assert item["outcome"] == "ok"
    assert item["meters"]["output"] == answer.usage.completion_tokens
    assert not item["estimated"]


@pytest.mark.parametrize("model", ["demo-chat", "demo-claude"])
@pytest.mark.parametrize("include_usage", [True, False])
async def test_the_openai_sdk_is_streamed_to_by_either_upstream(
    openai_client, demo, model, include_usage
):
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    raw = await openai_client.chat.completions.with_raw_response.create(
        model=model, messages=ASK, stream=True, **options
    )
    chunks = [chunk async for chunk in raw.parse()]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert any(chunk.usage for chunk in chunks) is include_usage
    item = await charged(demo, raw.headers["x-tollway-request-id"])
    assert item["outcome"] == "ok"
    assert not item["estimated"]
    assert item["meters"]["output"] > 0


@pytest.mark.parametrize("model", ["demo-chat", "demo-claude"])
async def test_the_anthropic_sdk_is_answered_whole_by_either_upstream(
    anthropic_client, demo, model
):
    raw = await anthropic_client.messages.with_raw_response.create(
        model=model, messages=ASK, max_tokens=256
    )
    answer = await raw.parse()
    assert answer.content[0].text
    assert answer.stop_reason == "end_turn"
    item = await charged(demo, raw.headers["x-tollway-request-id"])
    assert item["meters"]["output"] == answer.usage.output_tokens


@pytest.mark.parametrize("model", ["demo-chat", "demo-claude"])
async def test_the_anthropic_sdk_is_streamed_to_by_either_upstream(anthropic_client, demo, model):
    async with anthropic_client.messages.stream(
        model=model, messages=ASK, max_tokens=256
    ) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        answer = await stream.get_final_message()
        request_id = stream.response.headers["x-tollway-request-id"]
    assert answer.content[0].text == text
    item = await charged(demo, request_id)
    assert item["meters"]["output"] == answer.usage.output_tokens


async def test_the_amount_is_right_to_the_last_digit_within_two_seconds(new_workspace):
    workspace = await new_workspace("exact")
    await workspace.model("chat", "openai")
    await workspace.price("chat", input="0.123456789", output="7.7")
    key = await workspace.key()
    await workspace.routed(key, "chat")
    client = openai.AsyncOpenAI(base_url=f"{workspace.addresses.router}/v1", api_key=key)
    answers = [
        await client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "word " * (n + 1)}]
        )
        for n in range(5)
    ]
    answered_at = time.monotonic()
    prompt = sum(answer.usage.prompt_tokens for answer in answers)
    completion = sum(answer.usage.completion_tokens for answer in answers)
    expected = (prompt * Decimal("0.123456789") + completion * Decimal("7.7")) / PER_MTOK

    async def complete():
        report = await workspace.costs(group_by="model,api_key", granularity="day")
        return report if report["rows"] and report["rows"][0]["requests"] == 5 else None

    report = await until(complete, "five requests in the report")
    assert time.monotonic() - answered_at < 2
    (row,) = report["rows"]
    assert Decimal(report["total"]) == Decimal(row["amount"]) == expected
    assert (row["model"], row["api_key"]) == ("chat", "client")
    assert row["meters"]["input_uncached"] == prompt
    assert row["meters"]["output"] == completion
    assert report["currency"] == "USD"
    assert report["unpriced"]["requests"] == 0
    await client.close()


async def test_a_receipt_shows_usage_meters_price_rows_and_arithmetic(openai_client, demo):
    raw = await openai_client.chat.completions.with_raw_response.create(
        model="demo-chat", messages=ASK
    )
    usage = raw.parse().usage
    item = await charged(demo, raw.headers["x-tollway-request-id"])
    receipt = await demo.receipt(item["charge_id"])
    assert receipt["raw_usage"] == item["raw_usage"]
    assert receipt["raw_usage"]["prompt_tokens"] == usage.prompt_tokens
    assert receipt["meters"] == item["meters"]
    assert {line["meter"] for line in receipt["lines"]} == {"input_uncached", "output"}
    for line in receipt["lines"]:
        exact = Decimal(line["quantity"]) * Decimal(line["unit_price_usd"]) / line["per_units"]
        assert Decimal(line["amount"]) == exact
        assert line["amount"] in line["arithmetic"]
        assert line["price_id"].startswith("prc_")
    total = sum(Decimal(line["amount"]) for line in receipt["lines"])
    assert Decimal(receipt["total"]) == total == Decimal(item["amount"])


async def test_the_router_learns_of_a_model_within_a_second(new_workspace):
    workspace = await new_workspace("news")
    key = await workspace.key()
    await workspace.model("first", "openai")
    await workspace.routed(key, "first")
    await workspace.model("second", "openai")
    made_at = time.monotonic()
    await workspace.routed(key, "second")
    assert time.monotonic() - made_at < 1


async def test_usage_that_has_no_price_is_charged_when_its_price_arrives(new_workspace):
    workspace = await new_workspace("late")
    await workspace.model("chat", "openai")
    key = await workspace.key()
    await workspace.routed(key, "chat")
    async with openai.AsyncOpenAI(
        base_url=f"{workspace.addresses.router}/v1", api_key=key
    ) as client:
        raw = await client.chat.completions.with_raw_response.create(model="chat", messages=ASK)
    (item,) = await workspace.usage(raw.headers["x-tollway-request-id"])
    assert (item["amount"], item["charge_id"]) == (None, None)
    report = await workspace.costs()
    assert report["total"] == "0"
    assert report["unpriced"]["requests"] == 1
    await workspace.price("chat", input="1", output="2")
    item = await charged(workspace, raw.headers["x-tollway-request-id"])
    usage = raw.parse().usage
    expected = (usage.prompt_tokens + 2 * usage.completion_tokens) / PER_MTOK
    assert Decimal(item["amount"]) == expected


async def test_a_failing_deployment_is_metered_and_the_next_one_answers(new_workspace):
    workspace = await new_workspace("fallback")
    await workspace.create("models", "chat")
    for name, upstream, priority in (("bad", "sim-echo;status=503", 0), ("good", "sim-echo", 1)):
        await workspace.create(
            "deployments",
            name,
            model="chat",
            provider="openai",
            upstream_model=upstream,
            priority=priority,
        )
    await workspace.price("chat", input="1", output="1")
    key = await workspace.key()
    await workspace.routed(key, "chat")
    async with openai.AsyncOpenAI(
        base_url=f"{workspace.addresses.router}/v1", api_key=key, max_retries=0
    ) as client:
        raw = await client.chat.completions.with_raw_response.create(model="chat", messages=ASK)
    assert raw.headers["x-tollway-attempts"] == "2"
    assert raw.headers["x-tollway-deployment"] == "good"
    first, second = await workspace.usage(raw.headers["x-tollway-request-id"], attempts=2)
    assert (first["deployment"], first["outcome"]) == ("bad", "upstream_refused")
    assert first["meters"] == {}
    assert (second["deployment"], second["outcome"]) == ("good", "ok")


async def test_a_deployment_that_cannot_even_be_asked_gives_way_to_the_next_one(new_workspace):
    workspace = await new_workspace("unprepared")
    await workspace.create(
        "providers",
        "keyless",
        spec="openai-chat-completions",
        base_url=workspace.addresses.simulator,
        credential="not-made-yet",
    )
    await workspace.create("models", "chat")
    for name, provider, priority in (
        ("keyless", "keyless", 0),
        ("cannot-say-it", "anthropic", 1),
        ("good", "openai", 2),
    ):
        await workspace.create(
            "deployments",
            name,
            model="chat",
            provider=provider,
            upstream_model="sim-echo",
            priority=priority,
        )
    key = await workspace.key()
    await workspace.routed(key, "chat")
    async with openai.AsyncOpenAI(
        base_url=f"{workspace.addresses.router}/v1", api_key=key, max_retries=0
    ) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="chat", messages=ASK, n=2
        )
    assert len(raw.parse().choices) == 2
    assert raw.headers["x-tollway-deployment"] == "good"
    assert raw.headers["x-tollway-attempts"] == "1"
    assert len(await workspace.usage(raw.headers["x-tollway-request-id"])) == 1


async def test_a_rotated_credential_reaches_the_provider_within_a_second(new_workspace):
    workspace = await new_workspace("rotated")
    await workspace.model("chat", "openai")
    key = await workspace.key()
    await workspace.routed(key, "chat")
    fingerprint = hashlib.sha256(b"sk-rotated-9876543210").hexdigest()[:12]
    async with openai.AsyncOpenAI(
        base_url=f"{workspace.addresses.router}/v1", api_key=key, max_retries=0
    ) as client:
        await client.chat.completions.create(model="chat", messages=ASK)
        changed = await workspace.rotate("simulator", "sk-rotated-9876543210")
        assert changed["version"] == 2
        assert "987654" not in str(changed)

        async def used() -> bool:
            await client.chat.completions.create(model="chat", messages=ASK)
            async with httpx2.AsyncClient() as http:
                seen = await http.get(f"{workspace.addresses.simulator}/sim/seen?last=1")
            return fingerprint in seen.text

        async with asyncio.timeout(1):
            await until(used, "the provider to see the rotated key")

"""Canary keys are planted, used and provoked into errors; then all that was written is searched."""

import hashlib
import subprocess
from pathlib import Path

import httpx2
import openai
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from support.workspaces import Workspace, until

from tollway_cli.stack import Stack
from tollway_contracts.topics import TOPICS

CANARY = "sk-canary-7f3b9d51c2e84a60"
ROTATED = "sk-canary-0d9e8c7b6a5f4e3d"
ASK = [{"role": "user", "content": "Hello"}]
DATABASES = ("tollway_registry", "tollway_secrets", "tollway_metering")


@pytest.fixture(scope="module")
async def planted(new_workspace, stack: Stack):
    """Secrets that went through everything, errors included. Returns them with the workspace."""
    workspace: Workspace = await new_workspace("canary")
    await workspace.credential("canary", CANARY)
    simulator = workspace.addresses.simulator
    await workspace.create(
        "providers",
        "with-canary",
        spec="openai-chat-completions",
        base_url=simulator,
        credential="canary",
    )
    for name, script in (("chat", ""), ("refused", ";status=401"), ("broken", ";cut=3")):
        await workspace.model(name, "with-canary", f"sim-echo{script}")
    key = await workspace.key()
    await workspace.routed(key, "chat", "refused", "broken")
    async with openai.AsyncOpenAI(
        base_url=f"{workspace.addresses.router}/v1", api_key=key, max_retries=0
    ) as client:
        for _ in range(2):
            await client.chat.completions.create(model="chat", messages=ASK)
            with pytest.raises(openai.AuthenticationError):
                await client.chat.completions.create(model="refused", messages=ASK)
            with pytest.raises(openai.APIError):
                await client.chat.completions.create(model="broken", messages=ASK)
            await workspace.rotate("canary", ROTATED)
        # Else the searches below would find nothing because nothing was there.
        await _until_the_provider_sees(ROTATED, client, workspace)
        raw = await client.chat.completions.with_raw_response.create(model="chat", messages=ASK)
    await workspace.usage(raw.headers["x-tollway-request-id"])
    return [CANARY, ROTATED, key]


async def _until_the_provider_sees(
    secret: str, client: openai.AsyncOpenAI, workspace: Workspace
) -> None:
    fingerprint = hashlib.sha256(secret.encode()).hexdigest()[:12]

    async def seen() -> bool:
        await client.chat.completions.create(model="chat", messages=ASK)
        async with httpx2.AsyncClient() as http:
            listed = await http.get(f"{workspace.addresses.simulator}/sim/seen?last=1")
        return fingerprint in listed.text

    await until(seen, "the rotated key to reach the provider")


def test_no_secret_is_in_any_file_of_the_stack(planted, stack: Stack):
    """Logs, PostgreSQL's and OpenBao's data, the spool, the stored route table."""
    found = [
        f"{secret[:12]}... in {file}"
        for file in stack.home.root.rglob("*")
        if file.is_file() and not file.is_symlink()
        for secret in planted
        if secret.encode() in _read(file)
    ]
    assert found == []


@pytest.mark.parametrize("database", DATABASES)
def test_no_secret_is_in_a_database(planted, stack: Stack, database):
    with stack.site.postgres.superuser_connection(database) as connection:
        tables = connection.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        assert tables
        for (table,) in tables:
            rows = connection.execute(f"SELECT row_to_json(t)::text FROM {table} t").fetchall()
            for secret in planted:
                hexadecimal = secret.encode().hex()
                assert not [row for (row,) in rows if secret in row or hexadecimal in row], table


async def test_no_secret_is_in_a_topic(planted, stack: Stack):
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.addresses.kafka, group_id=None)
    await consumer.start()
    try:
        partitions = [TopicPartition(t.name, n) for t in TOPICS for n in range(t.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        assert sum(ends.values()) > 0
        seen = 0
        while seen < sum(ends.values()):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    seen += 1
                    text = repr((record.key, record.value, record.headers)).encode()
                    assert not [s for s in planted if s.encode() in text], record.topic
    finally:
        await consumer.stop()


def test_no_secret_is_in_a_command_line_or_environment(planted, stack: Stack):
    listed = subprocess.run(["ps", "axeww"], capture_output=True, check=True, timeout=30).stdout
    assert not [secret for secret in planted if secret.encode() in listed]


def test_no_secret_is_in_a_metric(planted, stack: Stack):
    for name in ("router", "registry", "secrets", "metering"):
        text = httpx2.get(f"{getattr(stack.addresses, name)}/metrics").text
        assert "tollway_" in text
        assert not [secret for secret in planted if secret in text]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # PostgreSQL removes files as it goes
        return b""

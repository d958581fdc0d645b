"""Keys are planted, all is done that can be done with them, and then looked for everywhere."""

import base64
import json
from typing import Any

import httpx2
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from psycopg import sql

CANARY = "CANARY4f1c9be07d3a55e2"


def disguises(secret: str) -> list[bytes]:
    """Return what a secret looks like as it is, in hexadecimal, and inside base64."""
    plain = secret.encode()
    inside = []
    for shift in range(3):  # the parts that do not depend on what stands around it
        text = base64.b64encode(b"x" * shift + plain + b"xx").decode()
        inside.append(text[4 if shift else 0 : len(plain) // 3 * 4 - 4].encode())
    return [plain, plain.hex().encode(), *inside]


def assert_clean(what: str, content: bytes) -> None:
    for disguise in disguises(CANARY):
        assert disguise not in content, what


def everything_in(database_url: str) -> bytes:
    """Return every value of every table."""
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        values = [
            value
            for (table,) in tables
            for row in connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
            for value in row
        ]
    assert len(values) > 100
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode() for value in values
    )


async def everything_on(kafka: str) -> bytes:
    """Return every record of every topic, with keys and headers."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [
            TopicPartition(topic, number)
            for topic in await consumer.topics()
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found = []
        while any([await consumer.position(at) < ends[at] for at in partitions]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    headers = b"".join(name.encode() + value for name, value in record.headers)
                    found.append((record.key or b"") + (record.value or b"") + headers)
        assert found
        return b"\n".join(found)
    finally:
        await consumer.stop()


def secret_bodies() -> list[dict[str, Any]]:
    account = json.dumps(
        {
            "type": "service_account",
            "client_email": f"{CANARY}@acme.iam.gserviceaccount.com",
            "private_key": f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n",
        }
    )
    pair = {"access_key_id": CANARY, "secret_access_key": CANARY, "session_token": CANARY}
    return [
        {"name": "plain", "type": "api-key", "data": {"api_key": f"{CANARY}-tail"}},
        {"name": "pair", "type": "aws", "data": pair},
        {"name": "bearer", "type": "aws", "data": {"bearer_token": f"{CANARY}-tail"}},
        {
            "name": "robot",
            "type": "google-service-account",
            "data": {"service_account_json": account},
        },
    ]


def wrong_bodies() -> list[Any]:
    return [
        {"name": "wrong", "type": "api-key", "data": {"api_key": f"{CANARY}\n{CANARY}"}},
        {"name": CANARY, "type": CANARY, "data": CANARY},
        {"name": "wrong", "type": "aws", "data": {"access_key_id": CANARY}},
        {
            "name": "wrong",
            "type": "google-service-account",
            "data": {"service_account_json": '{"private_key": "' + CANARY},
        },
    ]


def rename(database_url: str, old: str, new: str) -> None:
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        connection.execute(
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
        )


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_no_key_is_found_anywhere(
    configure: Any,
    serve: Any,
    own_vault: Any,
    vault_settings: Any,
    infrastructure: Any,
    tokens: Any,
    workspace: str,
    log_format: str,
) -> None:
    settings = configure(**vault_settings(own_vault), log_level="debug", log_format=log_format)
    database_url = str(settings.database_url)
    admin = {"authorization": f"Bearer {tokens.person({workspace: ['admin']})}"}
    token = tokens.service("tollway-router", "tollway-secrets")
    router = {"authorization": f"Bearer {token}", "connection": "close"}
    path = f"/v1/workspaces/{workspace}/credentials"
    said: list[httpx2.Response] = []

    with serve(settings) as served, httpx2.Client(base_url=served.url, trust_env=False) as client:

        def send(method: str, where: str, *, key: str | None = None, body: Any = None) -> int:
            # The server hangs up after an error that nobody expected.
            headers = {**admin, "connection": "close"}
            headers |= {"idempotency-key": key} if key else {}
            answer = client.request(method, where, headers=headers, json=body)
            said.append(answer)
            return int(answer.status_code)

        for body in secret_bodies():
            assert send("POST", path, key=body["name"], body=body) == 201
            assert send("POST", path, key=body["name"], body=body) == 201
            assert send("POST", path, body=body) == 409
            where = f"{path}/{body['name']}"
            assert send("PATCH", where, key=where, body={"data": body["data"]}) == 200
            assert client.post(f"{where}/material", headers=router).status_code == 200
            assert CANARY in client.post(f"{where}/material", headers=router).text
        for body in wrong_bodies():
            assert send("POST", path, body=body) == 422
            assert send("PATCH", f"{path}/plain", body=body) == 422
        assert send("POST", f"/v1/workspaces/{workspace}/rewrap", body={"rotate": True}) == 200
        for where in (path, f"{path}/plain", f"/v1/workspaces/{workspace}/audit"):
            assert send("GET", where) == 200

        body = {**secret_bodies()[0], "name": "another"}
        rename(database_url, "audit_entry", "audit_entry_away")  # what nobody expects, in the log
        assert send("POST", path, body=body) == 500
        assert client.post(f"{path}/plain/material", headers=router).status_code == 500
        rename(database_url, "audit_entry_away", "audit_entry")
        own_vault.seal()
        assert send("POST", path, body=body) == 503
        assert send("PATCH", f"{path}/pair", body={"data": {"session_token": CANARY}}) == 503
        own_vault.unseal()
        for where in ("/metrics", "/readyz", "/openapi.json", "/asyncapi.json"):
            assert send("GET", where) == 200

        assert_clean("the database", everything_in(database_url))
        assert_clean("Kafka", await everything_on(infrastructure.kafka))
    log = served.log.read_bytes()
    assert b"Traceback" in log
    assert_clean("the service's log", log)
    assert_clean("OpenBao's log", own_vault.log.read_bytes())
    for answer in said:
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        assert_clean(str(answer.url), headers.encode() + answer.content)


def test_the_disguises_are_found() -> None:
    for secret in (CANARY, f"{CANARY}-tail"):
        for before in ("", '{"api_key":"', "a", "ab"):
            wrapped = base64.b64encode(f'{before}{secret}"}}'.encode())
            assert any(disguise in wrapped for disguise in disguises(CANARY))

"""The service's own descriptions, and that it does what they say."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import uvicorn

from tollway_metering.app import create_app

SCHEMATHESIS = Path(sys.executable).parent / "st"

# JSON Schema cannot say that a text is a time zone, a date, a list of groups or a cursor that was
# given out, nor that one time is not later than another.
UNSAYABLE = "positive_data_acceptance"


async def test_errors_are_documented_as_problems(api):
    document = (await api.client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        if not path.startswith("/v1/"):
            continue
        for operation in operations.values():
            assert {"401", "403", "422", "503"} <= set(operation["responses"])
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], (path, status)
            assert operation["summary"]


async def test_the_topics_are_documented(api):
    document = (await api.client.get("/asyncapi.json")).json()
    assert {channel["address"] for channel in document["channels"].values()} == {
        "tollway.models.v1",
        "tollway.usage.v1",
        "tollway.usage.v1.dlq",
    }
    assert {operation["action"] for operation in document["operations"].values()} == {
        "receive",
        "send",
    }
    assert "UsageRecorded" in str(document["components"]["schemas"].keys())


@pytest.fixture
def address(configure):
    """The service in a thread, as a tool of another process needs it."""
    config = uvicorn.Config(create_app(configure()), port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_schemathesis_finds_nothing(address, tokens, tmp_path):
    run = subprocess.run(
        [
            str(SCHEMATHESIS),
            "run",
            f"{address}/openapi.json",
            "--header",
            f"Authorization: Bearer {tokens.person({'*': ['finance']})}",
            "--max-examples",
            "40",
            "--seed",
            "7",
            "--exclude-checks",
            UNSAYABLE,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]

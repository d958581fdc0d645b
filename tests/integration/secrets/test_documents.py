"""The service's own descriptions, and that it does what they say."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCHEMATHESIS = Path(sys.executable).parent / "st"

# JSON Schema cannot say that a text is a service account's key file, that the changes in a PATCH
# belong to the type of what they change, that a cursor was given out, that an Idempotency-Key was
# not used before.
UNSAYABLE = "positive_data_acceptance"


async def test_errors_are_documented_as_problems(api: Any) -> None:
    document = (await api.client.get("/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                kinds = list(answer.get("content", {}))
                if int(status) >= 400:
                    assert kinds == ["application/problem+json"], (path, method, status)


async def test_every_operation_says_what_it_is_for(api: Any) -> None:
    document = (await api.client.get("/openapi.json")).json()
    operations = [
        operation for methods in document["paths"].values() for operation in methods.values()
    ]
    assert len(operations) > 8
    assert all(operation["description"] for operation in operations)


async def test_the_topic_is_documented(api: Any) -> None:
    document = (await api.client.get("/asyncapi.json")).json()
    assert document["asyncapi"] == "3.0.0"
    assert [channel["address"] for channel in document["channels"].values()] == [
        "tollway.credentials.v1"
    ]


@pytest.mark.parametrize("caller", ["admin", "router"])
def test_schemathesis_finds_nothing(
    configure: Any, serve: Any, tokens: Any, tmp_path: Path, caller: str
) -> None:
    settings = configure()
    token = (
        tokens.person({"*": ["admin"]})
        if caller == "admin"
        else tokens.service("tollway-router", "tollway-secrets")
    )
    only = [] if caller == "admin" else ["--include-path-regex", "material"]
    with serve(settings) as served:
        run = subprocess.run(
            [
                str(SCHEMATHESIS),
                "run",
                f"{served.url}/openapi.json",
                "--header",
                f"Authorization: Bearer {token}",
                "--max-examples",
                "30",
                "--seed",
                "7",
                "--exclude-checks",
                UNSAYABLE,
                *only,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]

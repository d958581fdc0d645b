import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tollway_simulator.server import SimulatorThread
from tollway_simulator.settings import SimulatorSettings


def recording(body: Any, encoding: str, **more: Any) -> dict[str, Any]:
    return {
        "response_status": 200,
        "response_content_type": "application/json",
        "response_headers_of_interest": {},
        "response_encoding": encoding,
        "response_body": body,
        "other": "fields do not matter",
        **more,
    }


RECORDINGS = {
    "ok": recording({"answer": "größe"}, "json"),
    "sse": recording("data: größe 🙂\n\n", "text", response_content_type="text/event-stream"),
    "frames": recording(
        base64.b64encode(bytes(range(256))).decode(),
        "base64",
        response_content_type="application/vnd.amazon.eventstream",
    ),
    "error": recording(
        {"message": "slow down"},
        "json",
        response_status=429,
        response_headers_of_interest={
            "Retry-After": "9",
            "transfer-encoding": "chunked",
            "content-type": "text/plain",
        },
    ),
    "damaged": {"response_status": "x"},
}


@pytest.fixture(scope="module")
def replaying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "x").mkdir()
    (folder / "secret.json").write_text(json.dumps(RECORDINGS["ok"]))
    for name, content in RECORDINGS.items():
        (folder / "x" / f"{name}.json").write_text(json.dumps(content))
    with SimulatorThread(SimulatorSettings(port=0, simulator_corpus=folder)) as running:
        yield running.url


@pytest.fixture
def client(replaying: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=replaying, timeout=5) as http:
        yield http


def test_json_text_and_bytes_are_answered(client: httpx2.Client) -> None:
    ok = client.post("/x/ok/v1/chat/completions", json={})
    assert (ok.status_code, ok.json()) == (200, {"answer": "größe"})
    sse = client.post("/x/sse", json={})
    assert sse.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert sse.text == "data: größe 🙂\n\n"
    assert client.post("/x/frames/a/b", json={}).content == bytes(range(256))


def test_status_and_headers_of_interest_are_replayed(client: httpx2.Client) -> None:
    answer = client.post("/x/error/v1/messages", json={})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "9"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/x/sse/v1?chunk=1", {}),
        ("/x/sse/v1?chunk=1&delay=1", {}),
        ("/x/sse;split=1/v1", {}),
        ("/x/sse/v1", {"x-sim-chunk": "1"}),
        ("/x/ok/v1", {"x-sim-chunk": "1"}),
    ],
)
def test_writes_can_be_split_anywhere(
    client: httpx2.Client, path: str, headers: dict[str, str]
) -> None:
    plain = client.post(path.split("?")[0].replace(";split=1", ""), json={})
    split = client.post(path, json={}, headers=headers)
    assert split.content == plain.content
    assert split.headers["transfer-encoding"] == "chunked"


def test_a_recording_can_be_cut(client: httpx2.Client) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        client.post("/x/sse;cut=4/v1", json={})
    assert client.post("/x/sse;end=4/v1", json={}).text == "data"


def test_the_last_request_for_a_recording_is_kept(client: httpx2.Client) -> None:
    client.post("/x/ok/v1/one", json={"n": 1}, headers={"x-api-key": "canary"})
    client.post("/x/ok;split=2/v1/two", json={"n": 2}, headers={"x-api-key": "canary"})
    client.post("/x/sse/v1/three", json={"n": 3})
    seen = client.get("/sim/seen/ok").json()
    assert seen["path"].endswith("/v1/two")
    assert seen["body"] == {"n": 2}
    assert "canary" not in str(seen)
    assert client.get("/sim/seen/never").status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/x/none/v1", 404, "TOLLWAY_SIMULATOR_CORPUS"),
        ("/x/..%2fsecret/v1", 404, ""),
        ("/x/.%2e/v1", 404, ""),
        ("/x/damaged/v1", 500, "damaged"),
        ("/x/ok;colour=red/v1", 400, "colour=red"),
        ("/x/ok/v1?chunk=0", 400, "split=0"),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    client: httpx2.Client, path: str, status: int, text: str
) -> None:
    answer = client.post(path, json={})
    assert answer.status_code == status
    assert text in answer.text


async def test_without_a_corpus_the_setting_is_named(http: httpx2.AsyncClient) -> None:
    answer = await http.post("/x/any/v1/messages", json={})
    assert answer.status_code == 404
    assert "TOLLWAY_SIMULATOR_CORPUS" in answer.json()["error"]["message"]


@pytest.fixture(scope="module")
def recorded(corpus: Path) -> Iterator[str]:
    with SimulatorThread(SimulatorSettings(port=0, simulator_corpus=corpus)) as running:
        yield running.url


@pytest.mark.corpus
def test_every_kind_of_recording_is_answered_byte_for_byte(recorded: str, corpus: Path) -> None:
    paths = sorted((corpus / "x").glob("*.json"))
    with httpx2.Client(base_url=recorded, timeout=10) as http:
        for path in random.Random(1).sample(paths, 120):
            wanted = json.loads(path.read_text())
            answer = http.post(f"/x/{path.stem};split=997/v1", json={})
            assert answer.status_code == wanted["response_status"]
            match wanted["response_encoding"]:
                case "json":
                    assert answer.json() == wanted["response_body"]
                case "text":
                    assert answer.content.decode() == wanted["response_body"]
                case _:
                    assert answer.content == base64.b64decode(wanted["response_body"])


@pytest.mark.corpus
async def test_the_simulators_answers_use_no_field_that_providers_do_not(
    corpus: Path, chat: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    """Held to the non-streamed answers that were recorded on the real wire."""
    messages: Any = [{"role": "user", "content": "use the tool"}]
    schema: Any = {"type": "object", "properties": {"a": {"type": "string"}}}
    function: Any = {"name": "f", "parameters": schema}
    one = await chat.chat.completions.with_raw_response.create(
        model="m",
        messages=messages,
        tools=[{"type": "function", "function": function}],
    )
    two = await claude.messages.with_raw_response.create(
        model="m",
        max_tokens=2000,
        messages=messages,
        thinking={"type": "enabled", "budget_tokens": 1024},
        tools=[{"name": "f", "input_schema": schema}],
    )
    for answer, provider, dialect in (
        (one, "openai", "chat-completions"),
        (two, "anthropic", "messages"),
    ):
        real = _fields_of_provider(corpus, provider, dialect)
        made = {path for path in _fields(answer.http_response.json()) if ".input." not in path}
        assert made <= real


def _fields_of_provider(corpus: Path, provider: str, dialect: str) -> set[str]:
    found: set[str] = set()
    for path in (corpus / "x").glob("*-u-*.json"):
        record = json.loads(path.read_text())
        kind = (record["provider"], record["dialect"], record["provenance"])
        if kind == (provider, dialect, "recorded-http") and record["response_status"] == 200:
            found |= _fields(record["response_body"])
    return found


def _fields(value: Any, path: str = "") -> set[str]:
    if isinstance(value, list):
        return {field for item in value for field in _fields(item, f"{path}[]")}
    if isinstance(value, dict):
        inner = {field for key, item in value.items() for field in _fields(item, f"{path}.{key}")}
        return inner | {f"{path}.{key}" for key in value}
    return set()

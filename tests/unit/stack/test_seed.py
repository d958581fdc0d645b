"""Seeding: what it asks of the APIs, and that a second time it asks for nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from tollway_cli.stack import StackError
from tollway_cli.stack.seed import Collections, ensure_credential, ensure_key, ensure_resources

SIMULATOR = "http://127.0.0.1:8090"


@dataclass
class Workspace:
    """A workspace's HTTP API, kept in memory; `writes` lists what changed anything."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/ws/")
        if request.method == "GET":
            return self._found(path)
        self.writes.append(f"{request.method} {path}")
        if request.method == "POST":
            return self._create(path, json.loads(request.content))
        if request.headers["if-match"] != f'"{self.kept[path]["revision"]}"':
            return httpx2.Response(412, json={"code": "stale_revision"})
        if request.method == "DELETE":
            del self.kept[path]
            return httpx2.Response(204)
        self.kept[path] |= json.loads(request.content)
        self.kept[path]["revision"] += 1
        return self._found(path)

    def _found(self, path: str) -> httpx2.Response:
        if path not in self.kept:
            return httpx2.Response(404, json={"code": "not_found"})
        etag = f'"{self.kept[path]["revision"]}"'
        return httpx2.Response(200, json=self.kept[path], headers={"etag": etag})

    def _create(self, kind: str, body: dict[str, Any]) -> httpx2.Response:
        path = f"{kind}/{body['name']}"
        if path in self.kept:
            return httpx2.Response(409, json={"code": "already_exists"})
        self.kept[path] = {**body, "id": path, "revision": 1}
        if kind != "keys":
            return httpx2.Response(201, json=self.kept[path])
        key = f"tw_{len(self.writes):032d}"
        self.kept[path]["hint"] = f"…{key[-4:]}"
        return httpx2.Response(201, json={**self.kept[path], "key": key})


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


@pytest.fixture
def inside(workspace: Workspace) -> Iterator[Collections]:
    with httpx2.Client(transport=httpx2.MockTransport(workspace)) as client:
        yield Collections(client, "http://registry/ws")


def test_the_demo_models_are_deployed_on_the_simulator_and_priced(
    workspace: Workspace, inside: Collections
) -> None:
    ensure_credential(inside)
    ensure_resources(inside, SIMULATOR)
    kept = workspace.kept
    for model, provider, url in (
        ("demo-chat", "simulator-openai", f"{SIMULATOR}/v1"),
        ("demo-claude", "simulator-anthropic", SIMULATOR),
    ):
        assert kept[f"deployments/{model}"]["provider"] == provider
        assert kept[f"providers/{provider}"]["base_url"] == url
        assert kept[f"providers/{provider}"]["credential"] == "simulator"
        assert kept[f"prices/{model}"]["usd_per_mtok"]["input"] in {"0.25", "3.00"}


def test_a_second_run_writes_nothing(workspace: Workspace, inside: Collections) -> None:
    ensure_credential(inside)
    ensure_resources(inside, SIMULATOR)
    key = ensure_key(inside, None)
    workspace.writes.clear()
    ensure_credential(inside)
    ensure_resources(inside, SIMULATOR)
    assert ensure_key(inside, key) == key
    assert workspace.writes == []


def test_what_a_person_changed_stays(workspace: Workspace, inside: Collections) -> None:
    ensure_resources(inside, SIMULATOR)
    workspace.kept["models/demo-chat"]["display_name"] = "Ours"
    ensure_resources(inside, SIMULATOR)
    assert workspace.kept["models/demo-chat"]["display_name"] == "Ours"


def test_moved_ports_change_the_simulators_address_and_nothing_else(
    workspace: Workspace, inside: Collections
) -> None:
    ensure_resources(inside, SIMULATOR)
    workspace.kept["providers/simulator-openai"]["headers"] = {"x-ours": "1"}
    workspace.writes.clear()
    ensure_resources(inside, "http://127.0.0.1:9090")
    assert workspace.writes == [
        "PATCH providers/simulator-openai",
        "PATCH providers/simulator-anthropic",
    ]
    provider = workspace.kept["providers/simulator-openai"]
    assert provider["base_url"] == "http://127.0.0.1:9090/v1"
    assert provider["headers"] == {"x-ours": "1"}


@pytest.mark.parametrize("known", [None, "tw_of_another_stack"])
def test_a_lost_key_is_replaced(
    workspace: Workspace, inside: Collections, known: str | None
) -> None:
    first = ensure_key(inside, None)
    second = ensure_key(inside, known)
    assert second not in {first, known}
    assert second.endswith(workspace.kept["keys/demo"]["hint"][-4:])


def test_a_refusal_says_what_was_asked_and_what_came_back() -> None:
    def refuse(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(403, json={"code": "forbidden"})

    with httpx2.Client(transport=httpx2.MockTransport(refuse)) as client:
        inside = Collections(client, "http://registry/ws")
        with pytest.raises(StackError, match=r"GET http://registry/ws/keys/demo answers 403.*forb"):
            ensure_key(inside, None)

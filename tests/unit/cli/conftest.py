"""A gateway in memory, spoken to over real HTTP, and the command line in front of it.

It keeps to the contracts: bodies are validated by `tollway_contracts`, revisions are ETags, a
repeated `Idempotency-Key` is answered again, lists have pages of two.
"""

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from tollway_cli.app import create_app
from tollway_contracts import resources
from tollway_contracts.wire import Wire

TOKEN = "the-admins-token"
API_KEY = "tw_the-workspaces-key"
NOW = "2026-03-01T12:00:00Z"

SPECS: dict[str, type[Wire]] = {
    "workspaces": resources.WorkspaceSpec,
    "providers": resources.ProviderSpec,
    "models": resources.ModelSpec,
    "deployments": resources.DeploymentSpec,
    "prices": resources.PriceSpec,
    "keys": resources.ApiKeySpec,
}


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    chunks: tuple[bytes, ...] = ()


def problem(status: int, code: str, detail: str, *errors: dict[str, str]) -> Reply:
    body = {"type": "about:blank", "title": code.replace("_", " ").capitalize(), "status": status}
    return Reply(status, {**body, "code": code, "detail": detail, "errors": list(errors)})


@dataclass
class Gateway:
    """All services at one address. `before` runs before each request and may answer it."""

    url: str = ""
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    written: dict[str, Reply] = field(default_factory=dict)
    fixed: dict[str, Reply] = field(default_factory=dict)
    before: Callable[[Call], Reply | None] = lambda _: None
    lose_answers: int = 0

    def say(self, path: str, body: Any = None, status: int = 200, **more: Any) -> None:
        """Answer a path like this from now on."""
        self.fixed[path] = Reply(status, body, **more)

    @staticmethod
    def replied(status: int, body: Any = None, **more: Any) -> Reply:
        return Reply(status, body, **more)

    @staticmethod
    def problem(status: int, code: str, detail: str, *errors: dict[str, str]) -> Reply:
        return problem(status, code, detail, *errors)

    def answer(self, call: Call) -> Reply:
        self.calls.append(call)
        if (reply := self.before(call)) is not None:
            return reply
        if call.path in self.fixed:
            return self.fixed[call.path]
        if call.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "unauthenticated", "The token is not valid here.")
        key = call.headers.get("idempotency-key")
        if key is None or key not in self.written:
            reply = self._done(call)
            self.written[key or ""] = reply
            return reply
        return self.written[key]

    def _done(self, call: Call) -> Reply:
        if call.path.endswith("/rewrap"):
            report = {"key_version": 2, "rewrapped": 1, "current": 0, "unreadable": []}
            return Reply(200, report)
        kind = _kind_of(call.path)
        if call.method == "POST":
            return self._created(kind, call)
        if call.path in self.kept:
            return self._one(kind, call)
        if call.method == "GET" and call.path.endswith(f"/{kind}"):
            return self._page(call)
        return problem(404, "not_found", "There is no such thing in the workspace.")

    def _page(self, call: Call) -> Reply:
        inside = sorted(path for path in self.kept if path.rpartition("/")[0] == call.path)
        start = int(call.query.get("cursor", "0"))
        items = [self.kept[path] for path in inside[start : start + 2]]
        more = str(start + 2) if start + 2 < len(inside) else None
        return Reply(200, {"items": items, "next": more})

    def _created(self, kind: str, call: Call) -> Reply:
        name = call.body["name"]
        path = f"{call.path}/{name}"
        if path in self.kept:
            return problem(409, "already_exists", f"There is a thing '{name}' already.")
        spec, refusal = self._shaped(
            kind, path, {k: v for k, v in call.body.items() if k != "name"}
        )
        if refusal is not None:
            return refusal
        common = {"id": f"x_{len(self.kept)}", "workspace": "demo", "revision": 1, "name": name}
        self.kept[path] = {**common, "created_at": NOW, "updated_at": NOW, **spec}
        shown = dict(self.kept[path])
        if kind == "keys":
            shown["key"] = "tw_new-key-in-full"
        return Reply(201, shown, {"etag": '"1"'})

    def _one(self, kind: str, call: Call) -> Reply:
        found = self.kept[call.path]
        etag = f'"{found["revision"]}"'
        if call.method == "GET":
            return Reply(200, found, {"etag": etag})
        if call.headers.get("if-match", etag) != etag:
            return problem(412, "stale_revision", "The resource is at another revision now.")
        if call.method == "DELETE":
            del self.kept[call.path]
            return Reply(204)
        fields = {name: found[name] for name in SPECS[kind].model_fields} if kind in SPECS else {}
        spec, refusal = self._shaped(kind, call.path, _merged(fields, call.body))
        if refusal is not None:
            return refusal
        self.kept[call.path] = {**found, **spec, "revision": found["revision"] + 1}
        return Reply(200, self.kept[call.path])

    def _shaped(self, kind: str, path: str, body: Any) -> tuple[dict[str, Any], Reply | None]:
        if kind == "credentials":
            self.secrets[path] = {**self.secrets.get(path, {}), **body["data"]}
            hints = {name: f"…{secret[-4:]}" for name, secret in self.secrets[path].items()}
            return {"type": body.get("type", "api-key"), "hints": hints, "version": 1}, None
        try:
            spec = SPECS[kind].model_validate_json(json.dumps(body), strict=True)
        except ValidationError as error:
            items = [
                {"field": ".".join(map(str, item["loc"])), "message": item["msg"]}
                for item in error.errors()
            ]
            detail = "; ".join(f"{item['field']}: {item['message']}" for item in items)
            return {}, problem(422, "invalid", detail, *items)
        return spec.model_dump(mode="json"), None


def _kind_of(path: str) -> str:
    parts = path.split("/")  # "", v1, workspaces, demo, kind, name
    return parts[4] if len(parts) > 4 else "workspaces"


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


class _Handler(BaseHTTPRequestHandler):
    gateway: Gateway

    def _handle(self) -> None:
        url = urlsplit(self.path)
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(sent) if sent else None
        reply = self.gateway.answer(Call(self.command, unquote(url.path), query, headers, body))
        if self.gateway.lose_answers:
            self.gateway.lose_answers -= 1
            self.close_connection = True
            return
        self._write(reply)

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        if reply.chunks or reply.status == 204:
            self.end_headers()
            for chunk in reply.chunks:
                self.wfile.write(chunk)
                self.wfile.flush()
            return
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    handler = type("Handler", (_Handler,), {"gateway": gateway})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    gateway.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield gateway
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Tollway:
    """The command line of someone who has just typed `make up`."""

    home: Path
    env: dict[str, str | None]

    def __call__(self, *arguments: str, typed: str | bytes = "", **env: str | None) -> Ran:
        """Run in this process; a traceback fails the test."""
        result = CliRunner().invoke(
            create_app(), list(arguments), input=typed, env={**self.env, **env}
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "Traceback" not in result.output
        return Ran(result.exit_code, result.stdout, result.stderr)

    def process(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run as a process of its own."""
        command = [sys.executable, "-m", "tollway_cli", *arguments]
        return subprocess.run(
            command, env=self.whole(env), capture_output=True, text=True, timeout=60, check=False
        )

    def at_terminal(self, *arguments: str, answers: Sequence[str] = (), **env: str) -> Ran:
        """Run as a process that has a terminal; `out` is all that the terminal shows."""
        mine, its = pty.openpty()
        command = [sys.executable, "-m", "tollway_cli", *arguments]
        process = subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, env=self.whole(env), start_new_session=True
        )
        os.close(its)
        shown, waiting = b"", list(answers)
        while part := _read(mine):
            shown += part
            if waiting and shown.endswith(b": "):  # typed earlier, it would be flushed away
                os.write(mine, waiting.pop(0).encode() + b"\n")
        os.close(mine)
        return Ran(process.wait(timeout=60), shown.decode().replace("\r\n", "\n"), "")

    def whole(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a process."""
        base = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "200", "LC_ALL": "C.UTF-8"}
        ours = {name: value for name, value in self.env.items() if value is not None}
        return {**base, **ours, **more}


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other side is closed
        return b""


@pytest.fixture
def tollway(tmp_path: Path, gateway: Gateway) -> Tollway:
    home = tmp_path / "home"
    home.mkdir()
    services = ("REGISTRY", "SECRETS", "ROUTER", "METERING")
    values = {f"TOLLWAY_{service}_URL": gateway.url for service in services}
    values |= {
        "TOLLWAY_WORKSPACE": "demo",
        "TOLLWAY_ADMIN_TOKEN": TOKEN,
        "OPENAI_API_KEY": API_KEY,
    }
    lines = "".join(f"export {name}={value}\n" for name, value in values.items())
    (home / "env").write_text(lines)
    env: dict[str, str | None] = dict.fromkeys([*values, "TOLLWAY_API_KEY", "NO_COLOR"])
    return Tollway(home, {**env, "TOLLWAY_HOME": str(home)})

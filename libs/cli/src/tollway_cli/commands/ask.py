"""`tollway ask`: a prompt from the terminal to a model, over the router, as any client would."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import httpx2
import typer
from rich.text import Text

from tollway_cli.api.client import http_client, why_silent
from tollway_cli.api.failure import Strange, Unreachable
from tollway_cli.api.settings import Connection, Service
from tollway_cli.api.sse import events
from tollway_cli.commands.wording import (
    CHAT,
    MESSAGES,
    Question,
    Reply,
    Wording,
    error_text,
)
from tollway_cli.errors import CommandError
from tollway_cli.output import write
from tollway_cli.terminal import err, printable

STDIN = "-"
SILENCE_SECONDS = 300.0
"""How long a model may say nothing: one that reasons takes its time."""

_REQUEST_ID = "x-tollway-request-id"
_TOKENS = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")


def ask(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="- for standard input.")],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="The first that the key may use, without it."),
    ] = None,
    system: Annotated[str | None, typer.Option("--system", help="What it shall keep to.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="Tokens of the answer at most.")
    ] = None,
    anthropic: Annotated[
        bool, typer.Option("--anthropic", help="Speak Anthropic's format, not OpenAI's.")
    ] = False,
    stream: Annotated[
        bool, typer.Option("--stream/--no-stream", help="Show the answer as it comes.")
    ] = True,
    usage: Annotated[
        bool, typer.Option("--usage", help="Say the request id and the tokens on standard error.")
    ] = False,
) -> None:
    """Ask a model over the router, with the workspace's API key."""
    text = sys.stdin.read() if prompt == STDIN else prompt
    if not text.strip():
        raise typer.BadParameter("there is nothing to ask", param_hint="'PROMPT'")
    connection = Connection.here()
    router = _Router(connection.url(Service.ROUTER), connection.api_key())
    wording = MESSAGES if anthropic else CHAT
    chosen = model or router.first_model()
    question = Question(chosen, text, system, max_tokens, stream)
    request_id, reply = router.answer(wording, question)
    if usage:
        _show_usage(chosen, request_id, reply)
    if reply.stopped in {"length", "max_tokens"}:
        err().print(Text("The answer ends where its tokens did.", style="yellow"))


@dataclass(frozen=True, slots=True)
class _Router:
    """The router, as a client with an API key sees it."""

    url: str
    key: str = field(repr=False)

    def first_model(self) -> str:
        """Return the first model that the key may use, and say so."""
        with self._sent("GET", "/v1/models", CHAT.headers(self.key)) as answer:
            listed = self._document(answer, answer.read()).get("data")
        names = [model.get("id") for model in listed] if isinstance(listed, list) else []
        if not names or not isinstance(names[0], str):
            raise CommandError("The API key may use no model: tollway models list")
        err().print(Text(f"model: {names[0]} (another with -m)", style="dim"))
        return names[0]

    def answer(self, wording: Wording, question: Question) -> tuple[str | None, Reply]:
        """Ask, and write the answer as it comes. Return the request's id too."""
        body = json.dumps(wording.body(question)).encode()
        with self._sent("POST", wording.path, wording.headers(self.key), body) as answer:
            request_id = answer.headers.get(_REQUEST_ID)
            kind = answer.headers.get("content-type", "")
            if answer.is_success and kind.startswith("text/event-stream"):
                return request_id, self._heard(answer, wording, request_id)
            reply = wording.whole(self._document(answer, answer.read()))
        _say(reply.text)
        _end(reply)
        return request_id, reply

    def _heard(self, answer: httpx2.Response, wording: Wording, request_id: str | None) -> Reply:
        reply = Reply()
        try:
            for event in events(answer.iter_bytes()):
                _say(wording.hear(reply, event))
                if reply.ended or reply.error:
                    break
        except httpx2.HTTPError as error:
            text = f"The answer was cut before its end: {why_silent(error)}."
            raise CommandError(_named(text, request_id)) from error
        finally:
            _end(reply)
        if reply.error:
            raise CommandError(_named(f"The answer broke off: {reply.error}", request_id))
        if not reply.ended:
            raise CommandError(_named("The answer was cut before its end.", request_id))
        return reply

    @contextmanager
    def _sent(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[httpx2.Response]:
        sent = {"content-type": "application/json"} if body else {}
        try:
            with (
                http_client(self.url, SILENCE_SECONDS) as client,
                client.stream(
                    method, self.url + path, headers={**headers, **sent}, content=body
                ) as answer,
            ):
                yield answer
        except httpx2.HTTPError as error:
            raise Unreachable(Service.ROUTER, self.url, why_silent(error)) from error

    def _document(self, answer: httpx2.Response, content: bytes) -> dict[str, Any]:
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = None
        if answer.is_success and isinstance(document, dict):
            return document
        told = error_text(document)
        if told is None:
            raise Strange(Service.ROUTER, self.url, f"status {answer.status_code}")
        raise CommandError(_named(told, answer.headers.get(_REQUEST_ID)))


def _say(text: str) -> None:
    """Write a piece of the answer; at a terminal without what would steer it."""
    if text:
        write(printable(text, keep="\n\t") if sys.stdout.isatty() else text)
        sys.stdout.flush()


def _end(reply: Reply) -> None:
    if reply.text and not reply.text.endswith("\n"):
        _say("\n")


def _named(text: str, request_id: str | None) -> str:
    return f"{text}\n  request: {request_id}" if request_id else text


def _show_usage(model: str, request_id: str | None, reply: Reply) -> None:
    tokens = [f"{name} {reply.usage[name]}" for name in _TOKENS if name in reply.usage]
    lines = [f"request: {request_id}", f"model: {model}", f"tokens: {', '.join(tokens) or '-'}"]
    if len(reply.usage) > len(tokens):
        lines.append(f"usage: {json.dumps(reply.usage)}")
    err().print(Text("\n".join(lines), style="dim"))

"""The one main path: a client's request to its answer, read from the top.

    handle   who is it, which model; then one deployment after the other until one answers
    _try     one attempt: plan the exchange, call the provider, pass its answer on or refuse
    _relay   a streamed answer, chunk by chunk
    _whole   an answer in one piece

Another deployment is tried only while the client has not been sent a byte. Whatever happens, an
attempt ends as one usage event, which is in the spool before the answer's last byte is sent.
"""

import asyncio
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from tollway_contracts.vocabulary import Outcome, Surface
from tollway_router.canonical.failure import Failure
from tollway_router.client import Client
from tollway_router.codecs.codec import EVENT_STREAM, Codec, RequestHead, StreamPath
from tollway_router.codecs.exchange import Exchange, plan
from tollway_router.codecs.registry import CODECS
from tollway_router.credentials import CredentialCache
from tollway_router.routing.feed import RouteFeed
from tollway_router.routing.policy import order
from tollway_router.routing.resolve import authenticate, resolve
from tollway_router.routing.table import Route
from tollway_router.settings import RouterSettings
from tollway_router.upstream.client import Answer, UpstreamClient
from tollway_router.upstream.failure import UpstreamFailed, ended_early, invalid_answer
from tollway_router.upstream.headers import answer_headers, request_headers, without_secrets
from tollway_router.usage.attempt import Request, Whole
from tollway_router.usage.meter import Meter, Recording

log = structlog.get_logger(__name__)

# What another deployment may do better: a provider's trouble, or a key or id that only it lacks.
FALLBACK_STATUSES = frozenset({401, 403, 404, 408, 425, 429, 500, 502, 503, 504, 529})

JSON_TYPE = "application/json"
STREAM_HEADERS = {"content-type": f"{EVENT_STREAM}; charset=utf-8", "cache-control": "no-cache"}


@dataclass(frozen=True, slots=True)
class Call:
    """A client's request as its surface read it. `key` is what was presented as an API key."""

    id: str
    surface: Surface
    codec: Codec
    key: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """A complete answer that says no: the client's, unless another deployment does better."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Run:
    """What all attempts of one request share."""

    call: Call
    client: Client
    request: Request
    head: RequestHead


@dataclass(frozen=True, slots=True)
class _Try:
    """One attempt's own things."""

    run: _Run
    route: Route
    number: int
    exchange: Exchange
    recording: Recording
    secrets: Mapping[str, str]


class Pipeline:
    """Everything a request needs, wired by `app.py`."""

    def __init__(
        self,
        settings: RouterSettings,
        feed: RouteFeed,
        credentials: CredentialCache,
        upstream: UpstreamClient,
        meter: Meter,
    ) -> None:
        self._settings = settings
        self._feed = feed
        self._credentials = credentials
        self._upstream = upstream
        self._meter = meter
        self._chance = random.Random()  # noqa: S311 - spreads load, guards nothing

    async def handle(self, call: Call, client: Client) -> None:
        """Answer one request. Raises RequestRefused where nothing was sent yet."""
        table = self._feed.table
        key = authenticate(table, call.key, datetime.now(UTC))
        head = call.codec.read_head(call.body)
        entry = resolve(table, key, head.model)
        run = _Run(call, client, Request(call.id, call.surface, key, head.stream, head.user), head)
        routes = order(entry.routes, self._chance)[: self._settings.max_attempts]
        try:
            async with client.watched(self._settings.drain_seconds):
                await self._try_in_turn(run, routes)
        except TimeoutError:
            log.info("client left, answer not awaited further", request_id=call.id)

    async def _try_in_turn(self, run: _Run, routes: list[Route]) -> None:
        for number, route in enumerate(routes, start=1):
            refusal = await self._try(run, route, number)
            if refusal is None or run.client.gone:
                return
            if number == len(routes) or refusal.status not in FALLBACK_STATUSES:
                await run.client.reply(refusal.status, refusal.headers, refusal.body)
                return

    async def _try(self, run: _Run, route: Route, number: int) -> Refusal | None:
        """Make one attempt; return None once the client has its answer."""
        exchange = plan(run.call.codec, CODECS[route.spec.codec], run.head, route.target)
        secrets = await self._credentials.get(run.request.key.workspace, route.credential)
        recording = self._meter.begin(run.request, route, number, exchange)
        this = _Try(run, route, number, exchange, recording, secrets)
        headers = request_headers(
            route.spec, route.provider.headers, secrets, run.client.header, run.call.id
        )
        try:
            async with self._upstream.post(
                route.address,
                headers,
                exchange.body,
                first_byte_timeout=route.deployment.first_byte_timeout,
            ) as answer:
                recording.attempt.status = answer.status
                if answer.status != 200:
                    return await self._refused(this, answer)
                if run.head.stream:
                    return await self._relay(this, answer)
                return await self._whole(this, answer)
        except UpstreamFailed as failed:
            recording.finish(failed.outcome)
            self._log_failed(this, failed)
            return _refusal(this, failed.failure)
        except asyncio.CancelledError:
            left = run.client.gone
            recording.finish(Outcome.CLIENT_DISCONNECTED if left else Outcome.ROUTER_STOPPED)
            raise
        finally:
            recording.finish(Outcome.ROUTER_FAILED)  # only where nothing above did

    async def _refused(self, this: _Try, answer: Answer) -> Refusal:
        """Read the provider's refusal and put it into the client's format."""
        body = without_secrets(await answer.read(), this.secrets)
        this.recording.finish(Outcome.UPSTREAM_REFUSED)
        status, told = this.exchange.error(answer.status, body)
        headers = answer_headers(answer.headers) | {"content-type": JSON_TYPE}
        return Refusal(status, headers, told)

    async def _whole(self, this: _Try, answer: Answer) -> Refusal | None:
        """Pass on an answer in one piece."""
        body = await answer.read()
        attempt = this.recording.attempt
        attempt.saw_first_byte()
        told = this.exchange.answer(body)
        if told.failure is not None:
            attempt.answer = Whole(told.usage, told.output_chars) if told.usage else None
            this.recording.finish(Outcome.UPSTREAM_FAILED)
            return _refusal(this, told.failure)
        attempt.answer = Whole(told.usage, told.output_chars)
        left = this.run.client.gone
        this.recording.finish(Outcome.CLIENT_DISCONNECTED if left else Outcome.OK)
        headers = _told_of_drops(this, answer_headers(answer.headers)) | {
            "content-type": JSON_TYPE,
            "x-tollway-model": this.route.model.name,
            "x-tollway-deployment": this.route.deployment.name,
            "x-tollway-attempts": str(this.number),
        }
        await this.run.client.reply(200, headers, told.body)
        return None

    async def _relay(self, this: _Try, answer: Answer) -> Refusal | None:
        """Pass on a streamed answer as it comes."""
        if answer.content_type != EVENT_STREAM:
            return await self._not_streamed(this, answer)
        client, attempt = this.run.client, this.recording.attempt
        path = this.exchange.stream()
        try:
            async for chunk in answer.chunks():
                attempt.saw_first_byte()
                attempt.answer = path
                out = path.feed(chunk)
                if path.finished:
                    self._finish_stream(this, path, Outcome.OK)
                if out:
                    await self._send(this, answer, out)
            if attempt.answer is None:
                raise ended_early()
            said_error = path.failure is not None  # asked before the end, which may add its own
            rest = path.end()
            outcome = Outcome.OK if path.finished or said_error else Outcome.UPSTREAM_CUT
        except UpstreamFailed as failed:
            if not client.started:
                raise
            self._log_failed(this, failed)
            rest, outcome = path.fail(failed.failure), failed.outcome
        self._finish_stream(this, path, outcome)
        if rest or not client.started:
            await self._send(this, answer, rest)
        await client.finish()
        return None

    async def _not_streamed(self, this: _Try, answer: Answer) -> Refusal:
        """Read what came in place of a stream: an error object in a 200, or a web page."""
        body = without_secrets(await answer.read(), this.secrets)
        told = this.exchange.answer(body)
        if told.failure is None:
            raise invalid_answer("The provider did not stream its answer although it was asked to.")
        this.recording.finish(Outcome.UPSTREAM_INVALID)
        return _refusal(this, told.failure)

    def _finish_stream(self, this: _Try, path: StreamPath, outcome: Outcome) -> None:
        attempt = this.recording.attempt
        attempt.response_model, attempt.response_id = path.response_model, path.response_id
        if path.failure is not None and outcome is Outcome.OK:
            outcome = Outcome.UPSTREAM_FAILED
        elif this.run.client.gone:
            outcome = Outcome.CLIENT_DISCONNECTED
        this.recording.finish(outcome)

    async def _send(self, this: _Try, answer: Answer, out: bytes) -> None:
        client = this.run.client
        if not client.started:
            headers = _told_of_drops(this, answer_headers(answer.headers))
            await client.start(200, headers | STREAM_HEADERS)
        await client.send(out)

    def _log_failed(self, this: _Try, failed: UpstreamFailed) -> None:
        log.info(
            "attempt failed",
            request_id=this.run.call.id,
            deployment=this.route.deployment.name,
            outcome=failed.outcome,
            cause=repr(failed.__cause__ or failed),
        )


async def refuse(client: Client, codec: Codec, failure: Failure) -> None:
    """Tell the client of a failure in its format, unless its answer has begun."""
    if not client.started:
        refusal = _told(failure, codec.error_status(failure.status), codec.write_error(failure))
        await client.reply(refusal.status, refusal.headers, refusal.body)


def _refusal(this: _Try, failure: Failure) -> Refusal:
    status, body = this.exchange.failure(failure)
    return _told(failure, status, body)


def _told(failure: Failure, status: int, body: bytes) -> Refusal:
    headers = {"content-type": JSON_TYPE}
    if failure.retry_after is not None:
        headers["retry-after"] = str(math.ceil(failure.retry_after))
    return Refusal(status, headers, body)


def _told_of_drops(this: _Try, headers: dict[str, str]) -> dict[str, str]:
    if this.exchange.dropped:
        headers["x-tollway-dropped"] = ", ".join(this.exchange.dropped)
    return headers

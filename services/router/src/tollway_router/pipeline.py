"""The one main path: a client's request to its answer, read from the top.

    authenticate   who is it? before a byte of the body is read
    handle         which model; then one deployment after the other until one answers
    _prepare       what to send to a deployment, and as whom
    _try           one attempt: call the provider, deliver its answer or return its refusal

Another deployment is tried only while the client has not been sent a byte. Whatever happens, an
attempt ends as one usage event.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from tollway_contracts.events import ApiKeyChanged
from tollway_contracts.vocabulary import Surface
from tollway_router.canonical.failure import Failure, RequestRefused
from tollway_router.client import Client
from tollway_router.codecs.codec import Codec, RequestHead
from tollway_router.codecs.exchange import Exchange, plan
from tollway_router.codecs.registry import CODECS
from tollway_router.credentials import CredentialCache
from tollway_router.delivery import Delivery
from tollway_router.refusal import Refusal, refusal_of
from tollway_router.routing.feed import RouteFeed
from tollway_router.routing.policy import order
from tollway_router.routing.resolve import authenticate, resolve
from tollway_router.routing.table import Route
from tollway_router.settings import RouterSettings
from tollway_router.upstream.client import UpstreamClient
from tollway_router.upstream.failure import UpstreamFailed
from tollway_router.upstream.headers import request_headers
from tollway_router.usage.attempt import Request
from tollway_router.usage.meter import Meter

log = structlog.get_logger(__name__)

# What another deployment may do better: a provider's trouble, or a key or id that only it lacks.
FALLBACK_STATUSES = frozenset({401, 403, 404, 408, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Call:
    """A client's request as its surface read it, with the API key that it presented."""

    id: str
    surface: Surface
    codec: Codec
    key: ApiKeyChanged
    body: bytes


@dataclass(frozen=True, slots=True)
class _Run:
    """What all attempts of one request share."""

    call: Call
    client: Client
    request: Request
    head: RequestHead


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What one attempt sends, and the credential that it sends it with."""

    exchange: Exchange
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

    def authenticate(self, presented: str | None) -> ApiKeyChanged:
        """Return the API key that was presented. Raises RequestRefused (401)."""
        return authenticate(self._feed.table, presented, datetime.now(UTC))

    async def handle(self, call: Call, client: Client) -> None:
        """Answer one request. Raises RequestRefused where nothing was sent yet."""
        head = call.codec.read_head(call.body)
        entry = resolve(self._feed.table, call.key, head.model)
        trace = client.header("traceparent")
        request = Request(call.id, call.surface, call.key, head.stream, head.user, trace)
        routes = order(entry.routes, self._chance)[: self._settings.max_attempts]
        async with client.watched(self._settings.drain_seconds):
            await self._try_in_turn(_Run(call, client, request, head), routes)

    async def _try_in_turn(self, run: _Run, routes: list[Route]) -> None:
        said: Refusal | None = None
        number = 0
        for route in routes:
            prepared = await self._prepare(run, route)
            if isinstance(prepared, Refusal):
                # What a provider said says more than what kept us from asking another.
                said = said if said and said.asked else prepared
                continue
            number += 1
            is_last = route is routes[-1]
            said = await self._try(run, route, number, prepared, is_last=is_last)
            if said is None or run.client.gone:
                return
            if said.status not in FALLBACK_STATUSES:
                break
        if said is not None:
            await run.client.reply(said.status, said.headers, said.body)

    async def _prepare(self, run: _Run, route: Route) -> _Prepared | Refusal:
        """Write the request for a deployment, or refuse: it cannot be said there, or has no key."""
        codec = run.call.codec
        try:
            exchange = plan(codec, CODECS[route.spec.codec], run.head, route.target)
            secrets = await self._credentials.get(run.request.key.workspace, route.credential)
        except RequestRefused as refused:
            failure = refused.failure
            told = codec.error_status(failure.status), codec.write_error(failure)
            return refusal_of(failure, told, asked=False)
        return _Prepared(exchange, secrets)

    async def _try(
        self, run: _Run, route: Route, number: int, prepared: _Prepared, *, is_last: bool
    ) -> Refusal | None:
        """Make one attempt; return None once the client has its answer."""
        exchange, secrets = prepared.exchange, prepared.secrets
        headers = request_headers(
            route.spec, route.provider.headers, secrets, run.client.header, run.call.id
        )
        try:
            with self._meter.begin(run.request, route, number, exchange, run.client) as recording:
                delivery = Delivery(
                    run.client,
                    exchange,
                    recording,
                    route,
                    number,
                    secrets,
                    streamed=run.head.stream,
                    is_last=is_last,
                )
                async with self._upstream.post(
                    route.address,
                    headers,
                    exchange.body,
                    first_byte_timeout=route.deployment.first_byte_timeout,
                ) as answer:
                    return await delivery.deliver(answer)
        except UpstreamFailed as failed:
            log.info(
                "attempt failed",
                request_id=run.call.id,
                deployment=route.deployment.name,
                outcome=failed.outcome,
                cause=failed.cause,
            )
            return refusal_of(failed.failure, exchange.failure(failed.failure))


async def refuse(client: Client, codec: Codec, failure: Failure) -> None:
    """Tell the client of a failure in its format, unless its answer has begun."""
    if not client.started:
        told = codec.error_status(failure.status), codec.write_error(failure)
        refusal = refusal_of(failure, told)
        await client.reply(refusal.status, refusal.headers, refusal.body)

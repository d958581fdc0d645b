"""One provider's answer on its way to the client, in one piece or as a stream.

The attempt's usage is in the spool before the last byte of the answer is sent.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tollway_contracts.vocabulary import Outcome
from tollway_router.client import Client
from tollway_router.codecs.codec import EVENT_STREAM, StreamPath
from tollway_router.codecs.exchange import Exchange
from tollway_router.refusal import JSON_TYPE, Refusal, refusal_of
from tollway_router.routing.table import Route
from tollway_router.upstream.client import Answer
from tollway_router.upstream.failure import UpstreamFailed, ended_early, invalid_answer
from tollway_router.upstream.headers import answer_headers, without_secrets
from tollway_router.usage.attempt import Whole
from tollway_router.usage.meter import Recording

STREAM_HEADERS = {"content-type": f"{EVENT_STREAM}; charset=utf-8", "cache-control": "no-cache"}
LINGER_SECONDS = 1.0
MAX_DROPPED_CHARS = 1000

_UNFIT_IN_A_HEADER = re.compile(r"[^A-Za-z0-9_.\[\]-]")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one attempt's answer needs. `is_last` is whether no other deployment is left to try."""

    client: Client
    exchange: Exchange
    recording: Recording
    route: Route
    number: int
    secrets: Mapping[str, str]
    streamed: bool
    is_last: bool

    async def deliver(self, answer: Answer) -> Refusal | None:
        """Pass an answer on; return None once the client has it. Raises UpstreamFailed."""
        self.recording.attempt.saw_answer(answer.status)
        if answer.status != 200:
            return await self._refused(answer)
        if not self.streamed:
            return await self._whole(answer)
        if answer.content_type == EVENT_STREAM:
            return await self._streamed(answer)
        return await self._not_streamed(answer)

    async def _refused(self, answer: Answer) -> Refusal:
        """Put the provider's refusal into the client's format."""
        body = without_secrets(await answer.read(), self.secrets)
        self.recording.finish(Outcome.UPSTREAM_REFUSED)
        status, told = self.exchange.error(answer.status, body)
        return Refusal(status, answer_headers(answer.headers) | {"content-type": JSON_TYPE}, told)

    async def _whole(self, answer: Answer) -> Refusal | None:
        body = await answer.read()
        told = self.exchange.answer(body)
        if told.failure is not None:
            return self._failed_inside_200(body)
        attempt = self.recording.attempt
        attempt.measured = Whole(
            told.usage, told.output_chars, told.response_model, told.response_id
        )
        self.recording.finish(self._outcome(Outcome.OK))
        headers = self._headers(answer) | {
            "content-type": JSON_TYPE,
            "x-tollway-model": self.route.model.name,
            "x-tollway-deployment": self.route.deployment.name,
            "x-tollway-attempts": str(self.number),
        }
        await self.client.reply(200, headers, told.body)
        return None

    async def _not_streamed(self, answer: Answer) -> Refusal:
        """Read what came in place of a stream: an error object, a web page, a whole answer."""
        body = await answer.read()
        told = self.exchange.answer(body)
        if told.failure is not None:
            return self._failed_inside_200(body)
        self.recording.attempt.measured = Whole(told.usage, told.output_chars)
        raise invalid_answer("The provider did not stream its answer although it was asked to.")

    def _failed_inside_200(self, body: bytes) -> Refusal:
        told = self.exchange.answer(without_secrets(body, self.secrets))
        if told.usage is not None:
            self.recording.attempt.measured = Whole(told.usage, told.output_chars)
        self.recording.finish(Outcome.UPSTREAM_FAILED)
        failure = told.failure or invalid_answer("The provider's answer is no answer.").failure
        return refusal_of(failure, self.exchange.failure(failure))

    async def _streamed(self, answer: Answer) -> Refusal | None:
        """Pass a stream on as it comes, up to its end or to where it breaks off."""
        path = self.exchange.stream()
        try:
            async for chunk in answer.chunks():
                self.recording.attempt.saw_first_byte()
                self.recording.attempt.measured = path
                out = path.feed(chunk)
                if path.failure is not None:
                    if not (self.client.started or self.is_last):
                        return self._failed_at_once(path)
                    out = without_secrets(out, self.secrets)
                if path.finished:
                    self._finish(path, Outcome.OK)
                if out:
                    await self._send(answer, out)
                if path.finished:
                    break  # a provider may hold the connection open after its last event
            if self.recording.attempt.measured is None:
                raise ended_early()
            said_error = path.failure is not None  # asked before the end, which may add its own
            rest = path.end()
            outcome = Outcome.OK if path.finished or said_error else Outcome.UPSTREAM_CUT
        except UpstreamFailed as failed:
            if not self.client.started:
                raise
            rest, outcome = path.fail(failed.failure), failed.outcome
        self._finish(path, outcome)
        if rest or not self.client.started:
            await self._send(answer, rest)
        await self.client.finish()
        await _linger(answer)
        return None

    def _failed_at_once(self, path: StreamPath) -> Refusal:
        self._finish(path, Outcome.UPSTREAM_FAILED)
        failure = path.failure or ended_early().failure
        return refusal_of(failure, self.exchange.failure(failure))

    def _finish(self, path: StreamPath, outcome: Outcome) -> None:
        failed = path.failure is not None and outcome is Outcome.OK
        self.recording.finish(self._outcome(Outcome.UPSTREAM_FAILED if failed else outcome))

    def _outcome(self, outcome: Outcome) -> Outcome:
        return Outcome.CLIENT_DISCONNECTED if self.client.gone else outcome

    async def _send(self, answer: Answer, out: bytes) -> None:
        if not self.client.started:
            await self.client.start(200, self._headers(answer) | STREAM_HEADERS)
        await self.client.send(out)

    def _headers(self, answer: Answer) -> dict[str, str]:
        headers = answer_headers(answer.headers)
        if self.exchange.dropped:
            names = ", ".join(_UNFIT_IN_A_HEADER.sub("?", name) for name in self.exchange.dropped)
            headers["x-tollway-dropped"] = names[:MAX_DROPPED_CHARS]
        return headers


async def _linger(answer: Answer) -> None:
    """Give a finished answer a moment to end its connection in order, so that it is used again."""
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            async for _ in answer.chunks():
                pass
    except (TimeoutError, UpstreamFailed):
        return

"""One request from its arrival to its last byte, the same way for every wire. Read this second.

Nothing here knows a wire's words; nothing in a wire knows about connections, faults or the ledger.
"""

from typing import assert_never

from starlette.types import Receive, Scope, Send

from tollway_simulator import pages
from tollway_simulator.answer import compose
from tollway_simulator.arrival import Arrival, arrival_of
from tollway_simulator.ask import Ask, size_in_tokens
from tollway_simulator.connection import ClientGone, Connection
from tollway_simulator.course import BodyCourse, Ending, StreamCourse
from tollway_simulator.ledger import Entry
from tollway_simulator.refusal import Refusal
from tollway_simulator.script import Script, model_name, read_script
from tollway_simulator.simulation import Simulation
from tollway_simulator.usage import Usage
from tollway_simulator.wires.wire import Turn, Wire


class Exchange:
    """The ASGI endpoint of one wire."""

    def __init__(self, wire: Wire, simulation: Simulation) -> None:
        self._wire = wire
        self._simulation = simulation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that leaves early is booked as such."""
        connection = Connection(receive, send)
        try:
            arrival = arrival_of(scope, await connection.body())
            self._simulation.seen.note(arrival)
            await self._handle(arrival, connection)
        except ClientGone:
            self._simulation.ledger.abandon()
        finally:
            connection.close()

    async def _handle(self, arrival: Arrival, connection: Connection) -> None:
        try:
            ask, script = self._understand(arrival)
            await connection.pause(script.hang)
            if connection.gone:
                raise ClientGone
            if script.html is not None:
                await self._error_page(script.html, connection)
                return
            if script.refuses:
                raise _scripted_refusal(arrival, ask, script)
            turn = self._prepare(arrival, ask, script)
        except Refusal as refusal:
            await self._refuse(refusal, connection)
            return
        if ask.stream:
            await self._stream(arrival, turn, connection)
        else:
            await self._send_body(arrival, turn, connection)

    def _understand(self, arrival: Arrival) -> tuple[Ask, Script]:
        if not self._simulation.gate.opens(arrival.key):
            raise Refusal(401, key=arrival.key)
        ask = self._wire.read(arrival)
        queued = self._simulation.schedule.take(model_name(ask.model), arrival.key_print)
        return ask, read_script(ask.model, arrival.script, queued)

    def _prepare(self, arrival: Arrival, ask: Ask, script: Script) -> Turn:
        answer = compose(ask, script, self._input_usage(arrival, ask, script))
        return Turn(ask, script, answer, self._wire.stamp(self._simulation.ids))

    def _input_usage(self, arrival: Arrival, ask: Ask, script: Script) -> Usage:
        owner = f"{arrival.key_print}/{model_name(ask.model)}"
        cache = self._simulation.cache
        match ask.cache_rule:
            case "marked":
                return cache.marked(owner, ask.segments, script.cache_min)
            case "automatic":
                return cache.automatic(owner, ask.segments, script.cache_min)
            case "none":
                return Usage(input_uncached=size_in_tokens(ask.segments))
            case never:
                assert_never(never)

    async def _send_body(self, arrival: Arrival, turn: Turn, connection: Connection) -> None:
        """A body is booked as a whole: the provider has made all of it, whatever arrives."""
        headers = self._wire.headers(turn.stamp, stream=False)
        body = self._wire.whole(turn)
        usage, output = turn.answer.usage, turn.answer.output_tokens
        if not turn.script.bends_delivery:
            self._book(arrival, turn, usage, complete=True, sent=output)
            await connection.reply(200, headers, body)
            return
        course = BodyCourse(body, turn.script)
        complete = course.ending is Ending.WHOLE
        self._book(arrival, turn, usage, complete=complete, sent=output if complete else 0)
        await connection.start(200, (*headers, (b"content-length", b"%d" % course.length)))
        for step in course:
            await connection.pause(step.wait)
            await _write(connection, step.data, turn.script)
        if course.ending is not Ending.DROPPED:
            await connection.finish()

    async def _stream(self, arrival: Arrival, turn: Turn, connection: Connection) -> None:
        """One event is held back, so that the answer is booked before its last event leaves."""
        connection.watch()
        error = self._wire.error_event(Refusal(name="overloaded", model=turn.model))
        course = StreamCourse(self._wire.frames(turn), turn.script, error)
        await connection.start(200, self._wire.headers(turn.stamp, stream=True))
        held, sent, pending = b"", 0, 0
        for step in course:
            await _write(connection, held, turn.script)
            sent = pending
            await connection.pause(step.wait)
            if connection.gone:
                self._book_cut(arrival, turn, sent)
                return
            held, pending = step.data, step.tokens
        if course.ending is Ending.WHOLE:
            self._book(arrival, turn, turn.answer.usage, complete=True, sent=pending)
        else:
            self._book_cut(arrival, turn, pending)
        await _write(connection, held, turn.script)
        if course.ending is not Ending.DROPPED:
            await connection.finish()

    def _book_cut(self, arrival: Arrival, turn: Turn, sent: int) -> None:
        """A stream that ended early costs its input and what it gave out."""
        whole = turn.answer.usage
        usage = whole if turn.script.usage == "zero" else whole.with_output(sent)
        self._book(arrival, turn, usage, complete=False, sent=sent)

    def _book(
        self, arrival: Arrival, turn: Turn, usage: Usage, *, complete: bool, sent: int
    ) -> None:
        if not self._wire.metered:
            return
        self._simulation.ledger.record(
            Entry(
                wire=self._wire.name,
                model=turn.model,
                script=turn.ask.model.partition(";")[2],
                key=arrival.key_print,
                request_id=arrival.request_id,
                response_id=turn.stamp.response_id,
                streamed=turn.ask.stream,
                usage=usage,
                reported=turn.script.usage,
                complete=complete,
                output_sent=sent,
            )
        )

    async def _refuse(self, refusal: Refusal, connection: Connection) -> None:
        reply = self._wire.refuse(refusal, self._simulation.ids)
        self._simulation.ledger.refuse(reply.status)
        await connection.reply(reply.status, reply.headers, reply.body)

    async def _error_page(self, status: int, connection: Connection) -> None:
        self._simulation.ledger.refuse(status)
        await connection.reply(status, pages.HEADERS, pages.page(status))


def _scripted_refusal(arrival: Arrival, ask: Ask, script: Script) -> Refusal:
    return Refusal(
        script.status,
        name=script.error,
        retry_after=script.retry_after,
        model=model_name(ask.model),
        key=arrival.key,
    )


async def _write(connection: Connection, data: bytes, script: Script) -> None:
    if not data:
        return
    if not script.split:
        await connection.write(data)
        return
    for start in range(0, len(data), script.split):
        await connection.write(data[start : start + script.split])
        await connection.pause(script.delay / 1000)

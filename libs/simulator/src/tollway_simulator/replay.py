"""Recorded exchanges with real providers, answered again byte for byte.

`POST /x/<id>/<anything>` answers with the recording `<id>` of the corpus: its status, content type,
headers of interest and body. The settings `split`, `delay`, `hang`, `cut` and `end` may follow the
id (`/x/<id>;split=1;delay=2/v1/messages`), so that they survive in a base URL; `?chunk=` and
`?delay=` (milliseconds) and the header `x-sim-chunk` say the first two as well.
"""

import asyncio
import base64
import binascii
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from tollway_simulator.arrival import Arrival, arrival_of
from tollway_simulator.connection import ClientGone, Connection
from tollway_simulator.refusal import Refusal
from tollway_simulator.script import Script, model_name, read_script
from tollway_simulator.seen import Seen

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_KEPT = 256
_NOT_REPLAYED = frozenset(
    (
        "transfer-encoding",
        "content-encoding",
        "content-length",
        "content-type",
        "connection",
        "via",
        "vary",
        "server",
    )
)


class Recording(msgspec.Struct, frozen=True):
    """One recorded answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    streamed: bool


class _Exchange(msgspec.Struct):
    """The fields of a recording's file that are replayed."""

    response_status: int
    response_content_type: str
    response_encoding: str
    response_body: Any
    response_headers_of_interest: dict[str, str] = {}


class Corpus:
    """Reads recordings from a folder and keeps the last few in memory."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._decoder = msgspec.json.Decoder(_Exchange)
        self._kept: OrderedDict[str, Recording] = OrderedDict()

    async def recording(self, name: str) -> Recording:
        """A recording by its id; a `Refusal` (404) says what is missing."""
        if self._folder is None:
            message = "No recordings: set TOLLWAY_SIMULATOR_CORPUS to a folder with x/<id>.json."
            raise Refusal(404, message=message)
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        recording = await asyncio.to_thread(self._read, self._folder, name)
        self._kept[name] = recording
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return recording

    def _read(self, folder: Path, name: str) -> Recording:
        path = folder / "x" / f"{name}.json"
        if not _NAME.fullmatch(name) or not path.is_file():
            where = "the folder that TOLLWAY_SIMULATOR_CORPUS names"
            raise Refusal(404, message=f"There is no recording {name!r} in {where}.")
        try:
            return _recording(self._decoder.decode(path.read_bytes()))
        except (msgspec.DecodeError, binascii.Error) as error:
            raise Refusal(500, message=f"The recording {name!r} is damaged: {error}") from error


class Replay:
    """The ASGI endpoint that answers with recordings."""

    def __init__(self, corpus: Corpus, seen: Seen) -> None:
        self._corpus = corpus
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        connection = Connection(receive, send)
        try:
            arrival = arrival_of(scope, await connection.body())
            await self._answer(arrival, connection)
        except ClientGone:
            return
        except Refusal as refusal:
            body = msgspec.json.encode({"error": {"message": refusal.message}})
            headers = [(b"content-type", b"application/json")]
            await connection.reply(refusal.status or 400, headers, body)
        finally:
            connection.close()

    async def _answer(self, arrival: Arrival, connection: Connection) -> None:
        wanted = arrival.params["recording"]
        name = model_name(wanted)
        script = read_script(wanted, _delivery(arrival))
        self._seen.note_recording(name, arrival)
        recording = await self._corpus.recording(name)
        await connection.pause(script.hang)
        if not connection.gone:
            await _play(recording, script, connection)


def _recording(exchange: _Exchange) -> Recording:
    kind = exchange.response_content_type
    if "event-stream" in kind and "charset" not in kind:
        kind += "; charset=utf-8"
    kept = [
        (name.lower().encode("latin-1"), value.encode("latin-1", errors="replace"))
        for name, value in exchange.response_headers_of_interest.items()
        if name.lower() not in _NOT_REPLAYED
    ]
    return Recording(
        status=exchange.response_status,
        headers=((b"content-type", kind.encode("latin-1")), *kept),
        body=_body(exchange),
        streamed=exchange.response_encoding != "json",
    )


def _body(exchange: _Exchange) -> bytes:
    match exchange.response_encoding:
        case "base64":
            return base64.b64decode(exchange.response_body)
        case "text":
            return str(exchange.response_body).encode()
        case _:
            return msgspec.json.encode(exchange.response_body)


def _delivery(arrival: Arrival) -> str:
    """The query's and the header's wishes, said as a script."""
    query = parse_qs(arrival.query)
    chunk = arrival.headers.get("x-sim-chunk") or "".join(query.get("chunk", ())[:1])
    delay = "".join(query.get("delay", ())[:1])
    settings = {"split": chunk, "delay": delay}
    return ";".join(f"{name}={value}" for name, value in settings.items() if value)


async def _play(recording: Recording, script: Script, connection: Connection) -> None:
    """Write a recording; `cut` breaks the connection and `end` closes it after so many bytes."""
    ends = [end for end in (script.cut, script.end) if end is not None]
    body = recording.body[: min(ends)] if ends else recording.body
    if not recording.streamed and not ends and not script.split:
        await connection.reply(recording.status, recording.headers, body)
        return
    await connection.start(recording.status, recording.headers)
    step = script.split or len(body) or 1
    for start in range(0, len(body), step):
        await connection.write(body[start : start + step])
        await connection.pause(script.delay / 1000)
        if connection.gone:
            return
    if script.cut is None:
        await connection.finish()

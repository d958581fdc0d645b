"""What must survive any translation of an answer."""

import json
import re
from dataclasses import dataclass

from replay.codecs.assembly import assemble
from replay.codecs.recorded import codec_of
from support.corpus import Exchange

from tollway_router.canonical.parts import (
    Part,
    Reasoning,
    RedactedReasoning,
    Refusal,
    Text,
    ToolCall,
)
from tollway_router.canonical.response import ChatResponse, StopReason, settled
from tollway_router.canonical.usage import INPUT_METERS, OUTPUT_METERS, total
from tollway_router.codecs.codec import Target

TARGET = Target("m")


def recorded_response(exchange: Exchange) -> ChatResponse:
    codec = codec_of(exchange)
    if not exchange.is_event_stream:
        return codec.read_response(exchange.body_bytes())
    reader = codec.stream_reader(TARGET)
    return assemble(reader.feed(exchange.body_bytes()) + reader.end())


@dataclass(frozen=True)
class Gist:
    """What must survive any translation."""

    text: str
    reasoning: str
    signed: tuple[str, ...]
    calls: tuple[tuple[str, str, str], ...]
    stop: StopReason
    tokens_in: int
    tokens_out: int
    cached: int


def gist(response: ChatResponse) -> Gist:
    choice = response.choices[0]
    meters = {} if response.usage is None else response.usage.meters
    calls = [part for part in choice.parts if isinstance(part, ToolCall)]
    refused = [part for part in choice.parts if isinstance(part, Refusal)]
    return Gist(
        text="".join(p.text for p in choice.parts if isinstance(p, Text | Refusal)),
        reasoning="".join(p.text for p in choice.parts if isinstance(p, Reasoning)),
        signed=tuple(mark for part in choice.parts if (mark := signed(part)) is not None),
        calls=tuple((sayable_id(c.id), c.name, plain_arguments(c.arguments)) for c in calls),
        stop=plain_stop(settled(choice.stop, has_calls=bool(calls), has_refusal=bool(refused))),
        tokens_in=total(meters, INPUT_METERS),
        tokens_out=total(meters, OUTPUT_METERS),
        cached=total(meters, ("cache_read",)),
    )


def signed(part: Part) -> str | None:
    if isinstance(part, RedactedReasoning):
        return part.data
    return part.signature if isinstance(part, Reasoning) else None


def sayable_id(call_id: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", call_id)


def plain_arguments(arguments: str) -> str:
    """Arguments by value; what is no object goes through under a name of its own."""
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        value = {"malformed_arguments": arguments}
    value = {} if value is None else value
    value = value if isinstance(value, dict) else {"malformed_arguments": arguments}
    return json.dumps(value, sort_keys=True)


def plain_stop(stop: StopReason) -> StopReason:
    """What both formats can tell apart."""
    return {
        StopReason.STOP_SEQUENCE: StopReason.END,
        StopReason.PAUSE: StopReason.END,
        StopReason.ERROR: StopReason.END,
        StopReason.CONTEXT_FULL: StopReason.LENGTH,
        StopReason.CONTENT_FILTER: StopReason.REFUSAL,
    }.get(stop, stop)

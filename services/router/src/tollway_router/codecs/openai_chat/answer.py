"""Looking at a whole answer that is relayed as it is."""

from typing import Any

import msgspec

from tollway_router.canonical.failure import Failure, FailureKind
from tollway_router.canonical.usage import UsageReport
from tollway_router.codecs.codec import Inspection, Quirks, text_or_none
from tollway_router.codecs.openai_chat.errors import error_within
from tollway_router.codecs.openai_chat.relay import argument_chars, chars
from tollway_router.codecs.openai_chat.usage import Metered, read_usage
from tollway_router.codecs.upstream_error import read_upstream_error

NOT_AN_ANSWER = Failure(
    FailureKind.UPSTREAM_ERROR, "the upstream's answer is not a chat completion", 502
)


class _Answer(Metered):
    choices: Any = None
    error: Any = None
    model: Any = None
    id: Any = None


_DECODER = msgspec.json.Decoder(_Answer)


def inspect(body: bytes, quirks: Quirks) -> Inspection:
    """Usage, failure and length; an error object or anything but an answer is a failure."""
    try:
        answer = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Inspection(None, NOT_AN_ANSWER, 0)
    usage = _usage(answer, quirks)
    if answer.error:
        return Inspection(usage, read_upstream_error(200, body), 0)
    if not isinstance(answer.choices, list):
        return Inspection(usage, NOT_AN_ANSWER, 0)
    if error := error_within({"choices": answer.choices}):
        return Inspection(usage, read_upstream_error(200, error), 0)
    said = sum(map(_choice_chars, answer.choices))
    return Inspection(usage, None, said, text_or_none(answer.model), text_or_none(answer.id))


def _usage(answer: _Answer, quirks: Quirks) -> UsageReport | None:
    raw = answer.raw_usage()
    return None if raw is None else read_usage(raw, answer.service_tier, quirks)


def _choice_chars(choice: Any) -> int:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return 0
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    said = chars([message.get("content"), reasoning, message.get("refusal")])
    return said + argument_chars(message.get("tool_calls"))

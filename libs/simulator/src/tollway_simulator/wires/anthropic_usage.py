"""How Anthropic tells usage and why an answer ended: cached tokens lie outside `input_tokens`."""

from typing import Any

from tollway_simulator.usage import Usage
from tollway_simulator.wires.wire import Turn

_STOP = {
    "end": "end_turn",
    "sequence": "stop_sequence",
    "length": "max_tokens",
    "tool": "tool_use",
}


def usage_of(turn: Turn, usage: Usage) -> dict[str, Any]:
    """The usage object of a `message`."""
    told = cumulative(usage)
    told["cache_creation"] = {
        "ephemeral_5m_input_tokens": usage.cache_write_5m,
        "ephemeral_1h_input_tokens": usage.cache_write_1h,
    }
    told["service_tier"] = turn.script.tier or "standard"
    told["inference_geo"] = turn.script.geo or "not_available"
    return told


def cumulative(usage: Usage) -> dict[str, Any]:
    """The usage object of a `message_delta`: totals so far, without the split of writes."""
    told: dict[str, Any] = {
        "input_tokens": usage.input_uncached,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }
    if usage.web_searches:
        told["server_tool_use"] = {"web_search_requests": usage.web_searches}
    return told


def stop_reason(turn: Turn) -> str:
    """The stop reason, which the script may name."""
    return turn.script.finish or _STOP[turn.answer.stop]

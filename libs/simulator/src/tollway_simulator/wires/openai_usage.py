"""How OpenAI tells usage and why an answer ended: cached tokens lie inside the prompt's count."""

from typing import Any

from tollway_simulator.usage import Usage
from tollway_simulator.wires.wire import Turn

FINGERPRINT = "fp_50cad350e4"

_FINISH = {"end": "stop", "sequence": "stop", "length": "length", "tool": "tool_calls"}


def usage_of(usage: Usage) -> dict[str, Any]:
    """A usage object. `cache_write_tokens` stands only where something was written."""
    prompt: dict[str, int] = {"cached_tokens": usage.cache_read, "audio_tokens": 0}
    if usage.cache_write:
        prompt["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": usage.input_total,
        "completion_tokens": usage.output,
        "total_tokens": usage.input_total + usage.output,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def finish_reason(turn: Turn) -> str:
    """The finish reason; a forced call of a named tool ends with `stop`, as OpenAI has it."""
    if turn.script.finish:
        return turn.script.finish
    if turn.answer.stop == "tool" and turn.ask.tool_choice.startswith("tool:"):
        return "stop"
    return _FINISH[turn.answer.stop]


def tier_of(turn: Turn) -> str:
    """The tier that served the request, which the script may make another than was asked for."""
    if turn.script.tier:
        return turn.script.tier
    return "default" if turn.ask.tier in ("", "auto") else turn.ask.tier

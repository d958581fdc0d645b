"""Finish reasons: many words of vendors for one reason, and one word for many reasons."""

from tollway_router.canonical.response import StopReason

_READ = {
    "stop": StopReason.END,
    "length": StopReason.LENGTH,
    "tool_calls": StopReason.TOOL_CALLS,
    "function_call": StopReason.TOOL_CALLS,  # before tools existed
    "content_filter": StopReason.CONTENT_FILTER,
    "eos": StopReason.END,  # Together
    "end_turn": StopReason.END,  # proxies of Claude
    "stop_sequence": StopReason.STOP_SEQUENCE,  # the same
    "tool_use": StopReason.TOOL_CALLS,  # the same
    "max_tokens": StopReason.LENGTH,  # the same
    "model_length": StopReason.CONTEXT_FULL,  # Mistral: the context is full
    "refusal": StopReason.REFUSAL,
    "safety": StopReason.CONTENT_FILTER,
    "error": StopReason.ERROR,  # Mistral, OpenRouter
    "insufficient_system_resource": StopReason.ERROR,  # DeepSeek
}

_WRITTEN = {
    StopReason.END: "stop",
    StopReason.STOP_SEQUENCE: "stop",
    StopReason.PAUSE: "stop",  # nothing here says "send this back and I go on"
    StopReason.LENGTH: "length",
    StopReason.CONTEXT_FULL: "length",
    StopReason.TOOL_CALLS: "tool_calls",
    StopReason.CONTENT_FILTER: "content_filter",
    StopReason.REFUSAL: "content_filter",
    StopReason.ERROR: "stop",
}


def read_stop(word: object) -> StopReason | None:
    """The reason; None for null and empty, which mean not finished. An unknown word is an end."""
    if not isinstance(word, str) or not word:
        return None
    return _READ.get(word.lower(), StopReason.END)


def write_stop(reason: StopReason | None) -> str:
    """The finish reason that a client of this format understands."""
    return "stop" if reason is None else _WRITTEN[reason]

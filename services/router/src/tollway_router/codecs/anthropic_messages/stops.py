"""Stop reasons."""

from tollway_router.canonical.response import StopReason

_READ = {
    "end_turn": StopReason.END,
    "max_tokens": StopReason.LENGTH,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "tool_use": StopReason.TOOL_CALLS,
    "pause_turn": StopReason.PAUSE,
    "refusal": StopReason.REFUSAL,
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
    "compaction": StopReason.PAUSE,
}

_WRITTEN = {
    StopReason.END: "end_turn",
    StopReason.LENGTH: "max_tokens",
    StopReason.STOP_SEQUENCE: "stop_sequence",
    StopReason.TOOL_CALLS: "tool_use",
    StopReason.PAUSE: "pause_turn",
    StopReason.REFUSAL: "refusal",
    StopReason.CONTENT_FILTER: "refusal",
    StopReason.CONTEXT_FULL: "model_context_window_exceeded",
    StopReason.ERROR: "end_turn",
}


def read_stop(word: object) -> StopReason | None:
    """The reason; None for null, which means not finished. An unknown word is an end."""
    if not isinstance(word, str) or not word:
        return None
    return _READ.get(word, StopReason.END)


def write_stop(reason: StopReason | None) -> str:
    """The stop reason that a client of this format understands."""
    return "end_turn" if reason is None else _WRITTEN[reason]

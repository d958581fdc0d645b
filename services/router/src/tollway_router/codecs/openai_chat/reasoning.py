"""A message's reasoning in the places that chat completions, as widely spoken, have for it."""

from collections.abc import Sequence
from typing import Any

from tollway_router.canonical.parts import Reasoning, RedactedReasoning
from tollway_router.codecs.codec import Quirks


def write_reasoning(
    parts: Sequence[Reasoning | RedactedReasoning], quirks: Quirks
) -> dict[str, Any]:
    """The fields: text under its name, and signed or encrypted thinking as whole blocks."""
    signed = any(isinstance(part, RedactedReasoning) or part.signature for part in parts)
    if signed and quirks.signed_reasoning == "reasoning_details":
        return {"reasoning_details": [_detail(i, part) for i, part in enumerate(parts)]}
    text = "".join(part.text for part in parts if isinstance(part, Reasoning))
    written: dict[str, Any] = {quirks.reasoning_field: text} if text else {}
    if signed:
        written["thinking_blocks"] = [thinking_block(part) for part in parts]
    return written


def thinking_block(part: Reasoning | RedactedReasoning) -> dict[str, Any]:
    """One whole block of thinking, as its provider wants it back."""
    if isinstance(part, RedactedReasoning):
        return {"type": "redacted_thinking", "data": part.data}
    block = {"type": "thinking", "thinking": part.text}
    return block if part.signature is None else {**block, "signature": part.signature}


def _detail(index: int, part: Reasoning | RedactedReasoning) -> dict[str, Any]:
    """OpenRouter's shape; thinking without labels of its own is Claude's."""
    labels = {"format": "anthropic-claude-v1", "index": index}
    labels.update(part.extras.fields if part.extras is not None else {})
    if isinstance(part, RedactedReasoning):
        return {"type": "reasoning.encrypted", "data": part.data, **labels}
    signature = {} if part.signature is None else {"signature": part.signature}
    return {"type": "reasoning.text", "text": part.text, **signature, **labels}

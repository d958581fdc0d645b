"""Rules that Anthropic holds a conversation to, in its own words: tool results, signed thinking.

Sources: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use and
https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking
"""

import base64
import hashlib
import hmac

from tollway_simulator.refusal import Refusal
from tollway_simulator.wires.anthropic_shape import Block, Message

# Not a secret: it only makes signatures that nobody gets right by accident.
_SIGNING_KEY = b"tollway simulator, thinking block"


def sign(thinking: str) -> str:
    """The signature of a thinking block; it fits this text alone."""
    digest = hmac.new(_SIGNING_KEY, thinking.encode(), hashlib.sha512).digest()
    return base64.b64encode(b"\x12\x50" + digest + digest[:16]).decode()


def check_messages(messages: list[Message]) -> None:
    """Refuse an empty conversation, unmatched tool results and thinking that was changed."""
    if not messages:
        raise Refusal(400, message="messages: at least one message is required")
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        blocks = [] if isinstance(message.content, str) else message.content
        _check_results(blocks, open_calls, index)
        _check_thinking(blocks, index)
        open_calls = [block.id for block in blocks if block.type == "tool_use"]
    _check_results([], open_calls, len(messages))


def _check_results(blocks: list[Block], open_calls: list[str], index: int) -> None:
    given = [block.tool_use_id for block in blocks if block.type == "tool_result"]
    unknown = [number for number in given if number not in open_calls]
    if unknown:
        text = (
            f"messages.{index}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: "
            f"{', '.join(unknown)}. Each `tool_result` block must have a corresponding `tool_use` "
            "block in the previous message."
        )
        raise Refusal(400, message=text)
    missing = [number for number in open_calls if number not in given]
    if missing:
        text = (
            f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks "
            f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
            "corresponding `tool_result` block in the next message."
        )
        raise Refusal(400, message=text)


def _check_thinking(blocks: list[Block], index: int) -> None:
    for position, block in enumerate(blocks):
        if block.type == "thinking" and block.signature != sign(block.thinking):
            where = f"messages.{index}.content.{position}"
            raise Refusal(400, message=f"{where}: Invalid `signature` in `thinking` block")

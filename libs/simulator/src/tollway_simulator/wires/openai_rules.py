"""Rules that OpenAI holds a request to beyond its shape, in its own words."""

from tollway_simulator.refusal import Refusal
from tollway_simulator.wires.openai_shape import ChatMessage, ChatRequest

_MOST_CHOICES = 128


def check_request(request: ChatRequest) -> None:
    """Refuse numbers out of range, no messages, and tool results that answer no call."""
    if not request.messages:
        text = "Invalid 'messages': empty array. Expected an array with minimum length 1."
        raise Refusal(400, message=text, param="messages")
    _check_at_least_one("n", request.n)
    _check_at_least_one("max_tokens", request.max_tokens)
    _check_at_least_one("max_completion_tokens", request.max_completion_tokens)
    if request.n and request.n > _MOST_CHOICES:
        text = f"Invalid 'n': integer above maximum value. Expected a value <= {_MOST_CHOICES}, "
        raise Refusal(400, message=f"{text}but got {request.n} instead.", param="n")
    open_calls: set[str] = set()
    for index, message in enumerate(request.messages):
        if message.role == "tool":
            _check_tool_result(message, open_calls, index)
            continue
        _check_all_answered(open_calls, index)
        open_calls = {call.id for call in message.tool_calls or ()}
    _check_all_answered(open_calls, len(request.messages))


def _check_at_least_one(param: str, value: int | None) -> None:
    if value is not None and value < 1:
        text = f"Invalid '{param}': integer below minimum value. Expected a value >= 1, "
        raise Refusal(400, message=f"{text}but got {value} instead.", param=param)


def _check_tool_result(message: ChatMessage, open_calls: set[str], index: int) -> None:
    if message.tool_call_id not in open_calls:
        text = (
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message with 'tool_calls'."
        )
        raise Refusal(400, message=text, param=f"messages.[{index}].role")
    open_calls.discard(message.tool_call_id)


def _check_all_answered(open_calls: set[str], index: int) -> None:
    if open_calls:
        text = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            + ", ".join(sorted(open_calls))
        )
        raise Refusal(400, message=text, param=f"messages.[{index}].role")

"""A canonical request as a chat completions body."""

from collections.abc import Mapping
from typing import Any

from tollway_router.canonical.parts import CacheMark, Opaque
from tollway_router.canonical.request import ChatRequest, JsonFormat, Thinking, Tool, ToolChoice
from tollway_router.codecs.codec import Target
from tollway_router.codecs.losses import Losses
from tollway_router.codecs.openai_chat.message_writer import FORMAT, MessageWriter, cache_value
from tollway_router.codecs.openai_chat.tiers import write_tier

# Fields of other formats that change nothing in what the answer says.
_HINTS = frozenset({"diagnostics", "betas"})
# Anthropic's thinking budgets as efforts: the first whose limit holds the budget.
_EFFORT_BY_BUDGET = ((2048, "low"), (8192, "medium"))
_EFFORTS = {"max": "xhigh"}


def write_request(request: ChatRequest, target: Target) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body and what had to be dropped; refuses, naming the field, where dropping is not on."""
    losses = Losses(FORMAT, target)
    messages = MessageWriter(target.quirks, losses)
    body: dict[str, Any] = {
        "model": target.upstream_model,
        "messages": [*messages.system(request.system), *messages.turns(request.messages)],
    }
    _write_tools(body, request, target, losses)
    _write_sampling(body, request, target, losses)
    if request.response_format is not None:
        body["response_format"] = _response_format(request.response_format)
    if request.thinking is not None:
        _write_thinking(body, request.thinking, target, losses)
    if request.service_tier is not None:
        body["service_tier"] = write_tier(request.service_tier)
    if request.user is not None:
        body["user"] = request.user
    if request.cache is not None:
        _write_cache(body, request.cache, target, losses)
    _write_stream(body, request, target)
    body.update(losses.own(request.extras, hints=_HINTS))
    return body, losses.dropped


def _write_tools(
    body: dict[str, Any], request: ChatRequest, target: Target, losses: Losses
) -> None:
    if request.tools and not target.supports_tools:
        losses.cannot("tools", "this model takes no tools")
        return
    tools = [
        written for tool in request.tools if (written := _tool(tool, target, losses)) is not None
    ]
    if tools:
        body["tools"] = tools
    if request.tool_choice is not None:
        choice = _tool_choice(request.tool_choice, losses)
        if choice is not None:
            body["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls


def _tool(tool: Tool | Opaque, target: Target, losses: Losses) -> Mapping[str, Any] | None:
    if isinstance(tool, Opaque):
        if tool.format == FORMAT:
            return tool.value
        losses.cannot(tool.at, f"a tool of type {tool.kind} is not known to the provider")
        return None
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.schema is not None:
        function["parameters"] = tool.schema
    if tool.strict is not None:
        function["strict"] = tool.strict
    written: dict[str, Any] = {"type": "function", "function": function}
    if tool.cache is not None:
        _write_cache(written, tool.cache, target, losses)
    written.update(losses.own(tool.extras, harmless=lambda _name, value: value in (False, [])))
    return written


def _tool_choice(choice: ToolChoice | Opaque, losses: Losses) -> Any:
    if isinstance(choice, Opaque):
        if choice.format == FORMAT:
            return choice.value
        losses.cannot(choice.at)
        return None
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode


def _write_sampling(
    body: dict[str, Any], request: ChatRequest, target: Target, losses: Losses
) -> None:
    sampling, quirks = request.sampling, target.quirks
    stated = {
        quirks.max_tokens_field: sampling.max_output_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "n": sampling.n,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "logprobs": sampling.logprobs,
        "top_logprobs": sampling.top_logprobs,
    }
    if sampling.temperature is not None and not target.supports_temperature:
        losses.omit("temperature")
        stated["temperature"] = None
    if sampling.top_k is not None and not quirks.top_k:
        losses.cannot("top_k")
        stated["top_k"] = None
    body.update({name: value for name, value in stated.items() if value is not None})


def _response_format(wanted: JsonFormat) -> dict[str, Any]:
    if wanted.schema is None:
        return {"type": "json_object"}
    described: dict[str, Any] = {"name": wanted.name or "response", "schema": wanted.schema}
    if wanted.description is not None:
        described["description"] = wanted.description
    if wanted.strict is not None:
        described["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": described}


def _write_thinking(
    body: dict[str, Any], thinking: Thinking, target: Target, losses: Losses
) -> None:
    """An effort; a budget becomes one, unless the vendor takes budgets.

    Thinking that is off, or left to the model, is this format's default and says nothing.
    """
    if thinking.display is not None:
        losses.omit("thinking.display")
    if target.quirks.reasoning_request == "reasoning":
        wanted = {"effort": thinking.effort, "max_tokens": thinking.budget}
        stated = {name: value for name, value in wanted.items() if value is not None}
        body["reasoning"] = stated or {"enabled": bool(thinking.enabled)}
        return
    effort = thinking.effort or _effort_of(thinking.budget)
    if effort is not None:
        body["reasoning_effort"] = _EFFORTS.get(effort, effort)


def _effort_of(budget: int | None) -> str | None:
    if budget is None:
        return None
    return next((effort for limit, effort in _EFFORT_BY_BUDGET if budget <= limit), "high")


def _write_cache(written: dict[str, Any], mark: CacheMark, target: Target, losses: Losses) -> None:
    """Most vendors cache by themselves: the mark is a hint, left out where it is not known."""
    if target.quirks.cache_control:
        written["cache_control"] = cache_value(mark)
    else:
        losses.omit("cache_control")


def _write_stream(body: dict[str, Any], request: ChatRequest, target: Target) -> None:
    """Usage is always wanted by the router, whatever the client asked for."""
    if request.stream:
        body["stream"] = True
        if target.quirks.stream_options:
            body["stream_options"] = {"include_usage": True}

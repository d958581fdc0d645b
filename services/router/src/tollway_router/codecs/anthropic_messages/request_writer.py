"""A canonical request as a Messages body."""

from collections.abc import Mapping
from typing import Any

from tollway_router.canonical.parts import Opaque
from tollway_router.canonical.request import ChatRequest, Sampling, Thinking, Tool, ToolChoice
from tollway_router.codecs.anthropic_messages.block_writer import FORMAT, cache_value
from tollway_router.codecs.anthropic_messages.tiers import write_request_tier
from tollway_router.codecs.anthropic_messages.turn_writer import TurnWriter
from tollway_router.codecs.codec import Target
from tollway_router.codecs.losses import Losses

DEFAULT_MAX_TOKENS = 4096
"""max_tokens is required here: what an answer may take if neither client nor deployment says."""

_MIN_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384}
_GREATEST_BUDGET = 32768  # xhigh, max, and what vendors may call more than high
_EFFORTS = {"minimal": "low"}
_CHOICES = {"auto": "auto", "required": "any", "none": "none", "named": "tool"}

# Fields of other formats that change nothing in what the answer says: left out by name.
_HINTS = frozenset(
    {
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
        "stream_options",
        "store",
        "metadata",
        "usage",
    }
)
# The values by which other formats say what is so anyway.
_DEFAULTS: Mapping[str, Any] = {
    "logit_bias": {},
    "modalities": ["text"],
    "verbosity": "medium",
    "store": False,
    "metadata": {},
    "functions": [],
}


def write_request(request: ChatRequest, target: Target) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body and what had to be dropped; refuses, naming the field, where dropping is not on."""
    losses = Losses(FORMAT, target)
    turns = TurnWriter(target.quirks, losses)
    body: dict[str, Any] = {"model": target.upstream_model}
    messages = turns.messages(request.messages)
    if system := turns.system(request.system):
        body["system"] = system
    body["messages"] = messages
    _write_tools(body, request, target, losses)
    body["max_tokens"] = _max_tokens(request, target)
    if request.thinking is not None:
        _write_thinking(body, request.thinking, target, losses)
    _write_sampling(body, request.sampling, target, losses)
    _write_response_format(body, request, losses)
    if request.service_tier is not None:
        _write_tier(body, request.service_tier, losses)
    if request.user is not None:
        body["metadata"] = {"user_id": request.user}
    if request.cache is not None:
        body["cache_control"] = cache_value(request.cache)
    if request.stream:
        body["stream"] = True
    for name, value in losses.own(request.extras, _HINTS, _is_default).items():
        # What an object held beside the fields that we know goes back into it.
        known = body.get(name)
        body[name] = {**known, **value} if isinstance(known, dict) else value
    return body, losses.dropped


def _is_default(name: str, value: Any) -> bool:
    return name in _DEFAULTS and value == _DEFAULTS[name]


def _max_tokens(request: ChatRequest, target: Target) -> int:
    """What the client said; else the deployment's limit, else a default above the budget."""
    stated = request.sampling.max_output_tokens
    if stated is not None:
        return stated
    if target.max_output_tokens is not None:
        return target.max_output_tokens
    return DEFAULT_MAX_TOKENS + (_budget(request.thinking) or 0)


def _budget(thinking: Thinking | None) -> int | None:
    if thinking is None or thinking.enabled is False:
        return None
    if thinking.budget is not None:
        return thinking.budget
    if thinking.effort is None:
        return None
    return _BUDGETS.get(thinking.effort, _GREATEST_BUDGET)


def _write_tools(
    body: dict[str, Any], request: ChatRequest, target: Target, losses: Losses
) -> None:
    if request.tools and not target.supports_tools:
        losses.cannot("tools", "this model takes no tools")
        return
    tools = [w for tool in request.tools if (w := _tool(tool, losses)) is not None]
    if tools:
        body["tools"] = tools
    choice = _tool_choice(request, losses)
    if choice is not None and (tools or not request.tools):
        body["tool_choice"] = choice


def _tool(tool: Tool | Opaque, losses: Losses) -> Mapping[str, Any] | None:
    if isinstance(tool, Opaque):
        if tool.format == FORMAT:
            return tool.value
        losses.cannot(tool.at, f"a tool of type {tool.kind} is not known to the provider")
        return None
    written: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    written["input_schema"] = {"type": "object", **(tool.schema or {"properties": {}})}
    if tool.strict is not None:
        written["strict"] = tool.strict
    if tool.cache is not None:
        written["cache_control"] = cache_value(tool.cache)
    written.update(losses.own(tool.extras))
    return written


def _tool_choice(request: ChatRequest, losses: Losses) -> dict[str, Any] | None:
    """The choice carries the parallel flag, so a flag alone makes an `auto`."""
    choice = request.tool_choice
    if isinstance(choice, Opaque):
        losses.cannot(choice.at)
        choice = None
    if choice is None:
        if request.parallel_tool_calls is not False or not request.tools:
            return None
        choice = ToolChoice("auto")
    written: dict[str, Any] = {"type": _CHOICES[choice.mode]}
    if choice.name is not None:
        written["name"] = choice.name
    if request.parallel_tool_calls is not None and choice.mode != "none":
        written["disable_parallel_tool_use"] = not request.parallel_tool_calls
    return written


def _write_thinking(
    body: dict[str, Any], thinking: Thinking, target: Target, losses: Losses
) -> None:
    """Thinking with a budget below max_tokens, or left to the model with an effort."""
    if thinking.enabled is False:
        body["thinking"] = {"type": "disabled"}
        return
    effort = thinking.effort
    if thinking.adaptive or (target.quirks.adaptive_thinking and thinking.budget is None):
        display = {} if thinking.display is None else {"display": thinking.display}
        body["thinking"] = {"type": "adaptive", **display}
    elif thinking.enabled is not None:
        effort = _write_budget(body, thinking, losses)
    if effort is not None:
        body["output_config"] = {"effort": _EFFORTS.get(effort, effort)}


def _write_budget(body: dict[str, Any], thinking: Thinking, losses: Losses) -> str | None:
    """Enable thinking; the effort that is left to say, which is one beside a stated budget."""
    wanted = _budget(thinking) or _BUDGETS["medium"]
    # The budget is part of max_tokens here and must be less; a stated one is the client's affair.
    budget = wanted if thinking.budget is not None else min(wanted, body["max_tokens"] - 1)
    if budget < _MIN_BUDGET and thinking.budget is None:
        losses.cannot("reasoning_effort", f"max_tokens leaves less than {_MIN_BUDGET} to think")
        return None
    _let_choose(body, losses)
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if thinking.display is not None:
        body["thinking"]["display"] = thinking.display
    return thinking.effort if thinking.budget is not None else None


def _let_choose(body: dict[str, Any], losses: Losses) -> None:
    """A budget to think goes with no forced tool."""
    if body.get("tool_choice", {}).get("type") in ("any", "tool"):
        losses.cannot("tool_choice", "the provider can't force a tool while the model thinks")
        body["tool_choice"] = {"type": "auto"}


def _write_sampling(
    body: dict[str, Any], sampling: Sampling, target: Target, losses: Losses
) -> None:
    if sampling.temperature is not None:
        if not target.supports_temperature:
            losses.omit("temperature")
        elif sampling.temperature > 1:
            losses.cannot("temperature", "the provider takes 0 to 1")
        elif sampling.temperature != 1 and body.get("thinking", {}).get("type") == "enabled":
            losses.cannot("temperature", "the provider takes none while the model thinks")
        else:
            body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if sampling.top_k is not None:
        body["top_k"] = sampling.top_k
    if sampling.stop:
        body["stop_sequences"] = list(sampling.stop)
    _refuse_unsayable(sampling, losses)


def _refuse_unsayable(sampling: Sampling, losses: Losses) -> None:
    """What Messages has no field for, unless it says what is so anyway."""
    if sampling.n is not None and sampling.n != 1:
        losses.cannot("n", "the provider gives one answer to a request")
    if sampling.logprobs:
        losses.cannot("logprobs")
    if sampling.top_logprobs:
        losses.cannot("top_logprobs")
    if sampling.seed is not None:
        losses.cannot("seed")
    if sampling.frequency_penalty:
        losses.cannot("frequency_penalty")
    if sampling.presence_penalty:
        losses.cannot("presence_penalty")


def _write_response_format(body: dict[str, Any], request: ChatRequest, losses: Losses) -> None:
    """A schema is always enforced here; JSON without a schema can't be asked for."""
    wanted = request.response_format
    if wanted is None:
        return
    if wanted.schema is None:
        losses.cannot("response_format", "the provider writes JSON only by a schema")
        return
    output = body.setdefault("output_config", {})
    output["format"] = {"type": "json_schema", "schema": wanted.schema}


def _write_tier(body: dict[str, Any], tier: str, losses: Losses) -> None:
    written = write_request_tier(tier)
    if written is None:
        losses.cannot("service_tier", f"the provider has no tier {tier!r}")
    else:
        body["service_tier"] = written

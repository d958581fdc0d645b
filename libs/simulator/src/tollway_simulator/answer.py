"""The answer to a request: decided by the request and its script alone, in no wire's words."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from tollway_simulator.ask import Ask, Tool
from tollway_simulator.prose import prose
from tollway_simulator.script import Script, model_name
from tollway_simulator.synthesis import synthesise
from tollway_simulator.tokens import clip, count
from tollway_simulator.usage import Usage

Stop = Literal["end", "length", "sequence", "tool"]

ECHO_TOKENS = 2_000
PROSE_TOKENS = 64


class Call(msgspec.Struct, frozen=True):
    """A tool call; `arguments` is JSON text, or free text for a tool without schema."""

    name: str
    arguments: str
    free: bool = False

    @property
    def tokens(self) -> int:
        """What the call costs: its name and its arguments."""
        return count(self.name + self.arguments)


class Answer(msgspec.Struct, frozen=True):
    """Reasoning, then text or tool calls, and why it ended.

    `usage` is what the provider bills; `output_tokens` what it really gives out, all choices
    together, which differs when the script asks for zero usage.
    """

    reasoning: str
    text: str
    calls: tuple[Call, ...]
    stop: Stop
    stop_sequence: str | None
    output_tokens: int
    usage: Usage


def compose(ask: Ask, script: Script, input_usage: Usage) -> Answer:
    """Answer a request; `input_usage` says what its input cost."""
    budget = _Budget(ask.max_tokens)
    reasoning = budget.spend(prose(ask.prompt, ask.think if script.think is None else script.think))
    calls = tuple(budget.afford(_calls(ask)))
    text, sequence = ("", None) if calls else _until_stop(_text(ask, script), ask.stops)
    text = budget.spend(text)
    spent = (count(text) + sum(call.tokens for call in calls)) * ask.choices
    thought = count(reasoning) * ask.choices
    return Answer(
        reasoning=reasoning,
        text=text,
        calls=calls,
        stop=_stop(budget, sequence, calls),
        stop_sequence=None if budget.exceeded else sequence,
        output_tokens=spent + thought,
        usage=_billed(script, input_usage, spent + thought, thought),
    )


class _Budget:
    """Counts down `max_tokens`; what no longer fits is cut off, and nothing follows a cut."""

    def __init__(self, limit: int | None) -> None:
        self._left = limit
        self.exceeded = False

    def spend(self, text: str) -> str:
        if self._left is None:
            return text
        kept = clip(text, self._left)
        self._left -= count(kept)
        self.exceeded = self.exceeded or len(kept) < len(text)
        return kept

    def afford(self, calls: Iterator[Call]) -> Iterator[Call]:
        for call in calls:
            if self._left is None:
                yield call
                continue
            kept = self.spend(call.name + call.arguments)
            if len(kept) >= len(call.name):
                yield Call(call.name, kept[len(call.name) :], call.free)
            if self.exceeded:
                return


def _stop(budget: _Budget, sequence: str | None, calls: tuple[Call, ...]) -> Stop:
    if budget.exceeded:
        return "length"
    if sequence is not None:
        return "sequence"
    return "tool" if calls else "end"


def _text(ask: Ask, script: Script) -> str:
    if ask.schema is not None:
        return _json(synthesise(ask.schema))
    if ask.any_json:
        return _json({"answer": clip(ask.prompt, ECHO_TOKENS)})
    if script.tokens is not None:
        return prose(ask.prompt, script.tokens)
    if model_name(ask.model).startswith("sim-prose"):
        return prose(ask.prompt, PROSE_TOKENS)
    return clip(ask.prompt, ECHO_TOKENS) or "Hello."


def _until_stop(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    found = [(text.find(stop), stop) for stop in stops if stop and stop in text]
    if not found:
        return text, None
    position, stop = min(found)
    return text[:position], stop


def _calls(ask: Ask) -> Iterator[Call]:
    for tool in _wanted(ask):
        if tool.schema is None:
            yield Call(tool.name, clip(ask.prompt, ECHO_TOKENS), free=True)
        else:
            yield Call(tool.name, _json(synthesise({"type": "object", **tool.schema})))


def _wanted(ask: Ask) -> list[Tool]:
    """Which tools to call: the one that is forced, those that the prompt asks for, or none."""
    if not ask.tools or ask.tool_choice == "none":
        return []
    if ask.tool_choice.startswith("tool:"):
        return [tool for tool in ask.tools if f"tool:{tool.name}" == ask.tool_choice]
    wish = ask.prompt.lower()
    asked = not ask.from_tool and "use the tool" in wish
    if not asked and ask.tool_choice != "required":
        return []
    if asked and "use the tools" in wish and ask.parallel_tools:
        return ask.tools
    return [next((tool for tool in ask.tools if tool.name.lower() in wish), ask.tools[0])]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _billed(script: Script, input_usage: Usage, output: int, reasoning: int) -> Usage:
    if script.usage == "zero":
        return Usage()
    usage = msgspec.structs.replace(
        input_usage, output=output, reasoning=reasoning, web_searches=script.searches
    )
    told = {
        "input_uncached": script.input,
        "cache_read": script.cached,
        "cache_write_5m": script.written,
        "cache_write_1h": script.written_1h,
    }
    given = {meter: tokens for meter, tokens in told.items() if tokens is not None}
    return msgspec.structs.replace(usage, **given) if given else usage

"""Requests brought to one way of saying the same: the documented normalisations, spelled out
apart from the code that is tested."""

import json
from typing import Any


def without_nulls(value: Any) -> Any:
    """Null says nothing; neither does an empty list of parts."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def messages_form(body: dict[str, Any]) -> dict[str, Any]:
    """A Messages request: blocks instead of strings, neighbours of one role merged, structured
    output under its present name, a tool's default type and schema type spelled out or not."""
    body = without_nulls(body)
    if body.get("stream") is False:
        del body["stream"]
    if "system" in body:
        body["system"] = _blocks(body["system"])
    if "output_format" in body:
        body.setdefault("output_config", {})["format"] = body.pop("output_format")
    turns: list[dict[str, Any]] = []
    for message in body["messages"]:
        content = [_block(block) for block in _blocks(message["content"])]
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += content
        elif content:
            turns.append({**message, "content": content})
    body["messages"] = turns
    body["tools"] = [_messages_tool(tool) for tool in body.get("tools", [])]
    return body


def _blocks(content: Any) -> list[Any]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [block for block in blocks if block.get("text") != ""]


def _block(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "tool_result":
        return {**block, "content": [_block(b) for b in _blocks(block.get("content", []))]}
    return {k: v for k, v in block.items() if (k, v) != ("citations", [])}


def _messages_tool(tool: dict[str, Any]) -> dict[str, Any]:
    tool = {k: v for k, v in tool.items() if (k, v) != ("type", "custom")}
    if "input_schema" in tool:
        tool["input_schema"] = {"type": "object", **tool["input_schema"]}
    return tool


def chat_form(body: dict[str, Any]) -> dict[str, Any]:
    """A chat request: one name for the limit on output, parts instead of strings, leading system
    messages as one, `developer` as `system`, one name for reasoning, no echoed output fields, and
    usage always asked for of a stream."""
    body = without_nulls(body)
    limit = body.pop("max_tokens", None)
    body.setdefault("max_completion_tokens", limit)
    if not body.get("stream"):
        body.pop("stream", None)
        body.pop("stream_options", None)
    elif set(body.get("stream_options", {})) <= {"include_usage"}:
        body["stream_options"] = {"include_usage": True}
    stop = body.pop("stop", None)
    body["stop"] = [stop] if isinstance(stop, str) else stop or None
    if body.get("response_format") == {"type": "text"}:
        del body["response_format"]
    if body.get("tool_choice") == "any":
        body["tool_choice"] = "required"
    body["tools"] = [_chat_tool(tool) for tool in body.get("tools", [])]
    body["messages"] = _merged_system([_chat_message(m) for m in body["messages"]])
    return without_nulls(body)


def _chat_tool(tool: dict[str, Any]) -> dict[str, Any]:
    if "function" not in tool:
        return tool
    function = {k: v for k, v in tool["function"].items() if k != "type"}
    return {"type": "function", **tool, "function": function}


def _chat_message(message: dict[str, Any]) -> dict[str, Any]:
    message = dict(message)
    if message["role"] == "developer":
        message["role"] = "system"
    if message["role"] == "tool":
        message.pop("name", None)
    content = message.pop("content", None) or []
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    thought = [t["text"] for p in parts if p["type"] == "thinking" for t in p["thinking"]]
    message["content"] = [p for p in parts if p["type"] != "thinking" and p.get("text") != ""]
    reasoning = message.pop("reasoning", None) or "".join(thought)
    if reasoning:
        message.setdefault("reasoning_content", reasoning)
    if message.get("reasoning_content") == "":
        del message["reasoning_content"]
    for echoed in ("annotations", "audio", "function_call"):
        message.pop(echoed, None)
    if message.get("prefix") is False:
        del message["prefix"]
    if "tool_calls" in message:
        message["tool_calls"] = [_chat_call(call) for call in message["tool_calls"]]
    return message


def _chat_call(call: dict[str, Any]) -> dict[str, Any]:
    function = dict(call["function"])
    function["arguments"] = json.loads(function["arguments"] or "{}")
    return {"id": call["id"], "type": "function", "function": function}


def _merged_system(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    while len(messages) > 1 and messages[0]["role"] == messages[1]["role"] == "system":
        joined = messages[0]["content"] + messages[1]["content"]
        messages = [{"role": "system", "content": joined}, *messages[2:]]
    return messages

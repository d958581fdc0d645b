"""Messages streams, written for a chat completions client."""

import json
from typing import Any

import pytest
from unit.codecs.wire import (
    CHAT,
    MESSAGES,
    NOW,
    TARGET,
    block,
    chat_head,
    message_end,
    message_start,
    messages_stream_for_chat_client,
    sse,
    text_block,
)

from tollway_router.canonical.failure import FailureKind
from tollway_router.codecs.exchange import plan


def stream(*pieces: bytes, usage: bool = True) -> list[dict[str, Any]]:
    return messages_stream_for_chat_client(b"".join(pieces), usage=usage)


def deltas(*pieces: bytes) -> list[dict[str, Any]]:
    chunks = stream(*pieces, usage=False)
    return [one["choices"][0]["delta"] for one in chunks]


def calls(*pieces: bytes) -> dict[int, dict[str, str]]:
    """Tool calls as a client puts them together, by index."""
    found: dict[int, dict[str, str]] = {}
    for delta in deltas(*pieces):
        for call in delta.get("tool_calls", []):
            known = found.setdefault(call["index"], {"arguments": ""})
            known.update({k: call[k] for k in ("id", "type") if k in call})
            known["arguments"] += call["function"]["arguments"]
            if "name" in call["function"]:
                known["name"] = call["function"]["name"]
    return found


def tool_block(index: int, call_id: str, *pieces: str) -> bytes:
    grown = ({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
    return block(index, {"type": "tool_use", "id": call_id, "name": "f", "input": {}}, *grown)


THINKING = {"type": "thinking", "thinking": "", "signature": ""}


def test_a_stream_begins_with_the_role_and_ends_with_done() -> None:
    head = chat_head(stream=True)
    path = plan(CHAT, MESSAGES, head, TARGET).stream()
    sent = path.feed(message_start() + text_block(0, "a", "b") + message_end()) + path.end()
    assert sent.endswith(b"data: [DONE]\n\n")
    first, *rest = stream(message_start(), text_block(0, "a", "b"), message_end(), usage=False)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert (first["id"], first["model"], first["created"]) == ("msg_1", "claude", NOW)
    assert [one["choices"][0]["delta"].get("content") for one in rest] == ["a", "b", None]
    assert rest[-1]["choices"][0]["finish_reason"] == "stop"


def test_usage_comes_last_without_choices_and_only_when_asked_for() -> None:
    pieces = (message_start(cache_read_input_tokens=5), text_block(0, "a"), message_end())
    last = stream(*pieces)[-1]
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 15
    assert last["usage"]["completion_tokens"] == 7
    assert all("usage" not in one for one in stream(*pieces, usage=False))


def test_parallel_calls_have_stable_indices_of_their_own() -> None:
    found = calls(
        message_start(),
        text_block(0, "let me"),
        tool_block(1, "a", '{"x"', ":1}"),
        tool_block(2, "b", "{}"),
        message_end("tool_use"),
    )
    assert found == {
        0: {"id": "a", "type": "function", "name": "f", "arguments": '{"x":1}'},
        1: {"id": "b", "type": "function", "name": "f", "arguments": "{}"},
    }


def test_a_call_without_arguments_gets_an_empty_object() -> None:
    assert (
        calls(message_start(), tool_block(0, "a"), message_end("tool_use"))[0]["arguments"] == "{}"
    )


def test_arguments_that_stand_in_the_blocks_start_are_not_dropped() -> None:
    given = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    found = calls(message_start(), block(0, given), message_end("tool_use"))
    assert json.loads(found[0]["arguments"]) == {"x": 1}


def test_thinking_flows_as_text_and_its_signature_follows_in_a_whole_block() -> None:
    grown = (
        {"type": "thinking_delta", "thinking": "h"},
        {"type": "thinking_delta", "thinking": "mm"},
        {"type": "signature_delta", "signature": "sig"},
    )
    seen = deltas(message_start(), block(0, THINKING, *grown), text_block(1, "a"), message_end())
    assert [d["reasoning_content"] for d in seen if "reasoning_content" in d] == ["h", "mm"]
    assert [d["thinking_blocks"] for d in seen if "thinking_blocks" in d] == [
        [{"index": 0, "type": "thinking", "thinking": "hmm", "signature": "sig"}]
    ]
    assert [d["content"] for d in seen if d.get("content")] == ["a"]


def test_thinking_that_is_hidden_still_hands_on_its_signature() -> None:
    signed = block(0, THINKING, {"type": "signature_delta", "signature": "sig"})
    seen = deltas(message_start(), signed, text_block(1, "a"), message_end())
    assert [d["thinking_blocks"] for d in seen if "thinking_blocks" in d] == [
        [{"index": 0, "type": "thinking", "thinking": "", "signature": "sig"}]
    ]


def test_redacted_thinking_is_handed_on() -> None:
    redacted = {"type": "redacted_thinking", "data": "enc"}
    seen = deltas(message_start(), block(0, redacted), message_end())
    assert [d["thinking_blocks"] for d in seen if "thinking_blocks" in d] == [
        [{"index": 0, **redacted}]
    ]


def test_citations_of_pages_become_annotations_of_their_text() -> None:
    cited = {"type": "web_search_result_location", "url": "https://x", "title": "X"}
    grown = (
        {"type": "text_delta", "text": "four"},
        {"type": "citations_delta", "citation": cited},
    )
    seen = deltas(
        message_start(),
        text_block(0, "ab"),
        block(1, {"type": "text", "text": ""}, *grown),
        message_end(),
    )
    assert [d["annotations"] for d in seen if "annotations" in d] == [
        [
            {
                "index": 0,
                "type": "url_citation",
                "url_citation": {
                    "url": "https://x",
                    "title": "X",
                    "start_index": 2,
                    "end_index": 6,
                },
            }
        ]
    ]


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ],
)
def test_stop_reasons_become_finish_reasons(stop: str, finish: str) -> None:
    chunks = stream(message_start(), text_block(0, "a"), message_end(stop), usage=False)
    assert chunks[-1]["choices"][0]["finish_reason"] == finish


def test_a_servers_own_tools_leave_no_trace_but_their_text() -> None:
    searched = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    seen = deltas(
        message_start(),
        block(0, searched, {"type": "input_json_delta", "partial_json": "{}"}),
        block(1, found),
        text_block(2, "a"),
        message_end(),
    )
    assert [d for d in seen if d.get("content") or "tool_calls" in d] == [{"content": "a"}]


def test_a_duplicate_message_start_is_one_answer() -> None:
    pieces = (message_start(), message_start(), text_block(0, "a"), message_end())
    roles = [d for d in deltas(*pieces) if "role" in d]
    assert len(roles) == 1
    assert stream(*pieces)[-1]["usage"]["completion_tokens"] == 7


def test_an_answer_that_begins_again_amid_a_call_is_an_error_not_half_a_call() -> None:
    begun = sse(
        "content_block_start",
        index=0,
        content_block={"type": "tool_use", "id": "a", "name": "f", "input": {}},
    )
    last = stream(message_start(), begun, message_start(), text_block(0, "a"), message_end())[-1]
    assert "began its answer again" in last["error"]["message"]


@pytest.mark.parametrize(
    "event",
    [
        sse("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        b'event: error\ndata: {"type":"overloaded_error","message":"Overloaded"}\n\n',
    ],
)
def test_an_error_event_is_told_in_the_clients_format(event: bytes) -> None:
    path = plan(CHAT, MESSAGES, chat_head(stream=True), TARGET).stream()
    sent = path.feed(message_start() + event + message_end()) + path.end()
    assert path.failure is not None
    assert (path.failure.kind, path.failure.status) == (FailureKind.OVERLOADED, 529)
    assert not path.finished
    error = json.loads(sent.splitlines()[-2].removeprefix(b"data: "))
    assert error["error"]["message"] == "Overloaded"
    assert b"[DONE]" not in sent


def test_a_stream_without_message_stop_is_cut() -> None:
    last = stream(message_start(), text_block(0, "a"))[-1]
    assert last["error"]["type"] == "server_error"


def test_pings_and_events_yet_unknown_are_nothing() -> None:
    seen = deltas(
        message_start(), sse("ping"), sse("a_new_event", x=1), text_block(0, "a"), message_end()
    )
    assert [d["content"] for d in seen if d.get("content")] == ["a"]


def test_the_path_knows_who_answered_and_how_much() -> None:
    path = plan(CHAT, MESSAGES, chat_head(stream=True), TARGET).stream()
    path.feed(message_start() + text_block(0, "four", "teen") + message_end())
    assert (path.response_id, path.response_model) == ("msg_1", "claude")
    assert (path.output_chars, path.finished) == (8, True)

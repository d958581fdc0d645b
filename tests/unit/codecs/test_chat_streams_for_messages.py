"""Chat completions streams, written for a Messages client."""

import json
from typing import Any

import pytest
from unit.codecs.wire import (
    CHAT,
    DONE,
    MESSAGES,
    TARGET,
    chat_stream_for_messages_client,
    chunk,
    messages_head,
    tool_delta,
)

from tollway_router.canonical.failure import Failure, FailureKind
from tollway_router.codecs.exchange import plan

FINISH = chunk({}, finish="stop") + DONE


def blocks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The content as a client puts it together; blocks must not interleave."""
    content: list[dict[str, Any]] = []
    is_open = False
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert not is_open
                assert event["index"] == len(content)
                content.append({**event["content_block"], "json": ""})
                is_open = True
            case "content_block_delta":
                assert is_open
                assert event["index"] == len(content) - 1
                add(content[-1], event["delta"])
            case "content_block_stop":
                is_open = False
    assert not is_open
    return content


def add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            block["json"] += delta["partial_json"]


def said(*pieces: bytes) -> list[dict[str, Any]]:
    return blocks(chat_stream_for_messages_client(b"".join(pieces)))


def ending(*pieces: bytes) -> dict[str, Any]:
    events = chat_stream_for_messages_client(b"".join(pieces))
    assert events[-1] == {"type": "message_stop"}
    return events[-2]


def failure(*pieces: bytes) -> dict[str, Any]:
    event = chat_stream_for_messages_client(b"".join(pieces))[-1]
    assert event["type"] == "error"
    return event["error"]


def test_the_first_text_after_thinking_is_not_lost() -> None:
    content = said(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "hm"}),
        chunk({"reasoning_content": "m", "content": "A"}),
        chunk({"content": "B"}),
        FINISH,
    )
    assert [(b["type"], b.get("thinking") or b.get("text")) for b in content] == [
        ("thinking", "hmm"),
        ("text", "AB"),
    ]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_read_under_either_name(name: str) -> None:
    assert said(chunk({name: "t"}), FINISH)[0]["thinking"] == "t"


def test_content_as_a_list_of_parts_is_read() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}
    content = said(
        chunk({"content": [thinking]}),
        chunk({"content": [thinking, {"type": "text", "text": "1"}]}),
        chunk({"content": "44"}),
        FINISH,
    )
    assert [b.get("thinking") or b.get("text") for b in content] == ["tt", "144"]


def test_parallel_calls_that_interleave_come_out_one_after_the_other() -> None:
    content = said(
        chunk(tool_delta(0, "", id="a", name="f")),
        chunk(tool_delta(1, "", id="b", name="g")),
        chunk(tool_delta(1, '{"y":')),
        chunk(tool_delta(0, '{"x":1}')),
        chunk(tool_delta(1, "2}")),
        chunk({}, finish="tool_calls"),
        DONE,
    )
    assert [(b["id"], b["name"], json.loads(b["json"])) for b in content] == [
        ("a", "f", {"x": 1}),
        ("b", "g", {"y": 2}),
    ]


def test_a_second_call_streams_at_once_when_the_first_is_whole() -> None:
    path = plan(MESSAGES, CHAT, messages_head(stream=True), TARGET).stream()
    path.feed(chunk(tool_delta(0, '{"x":1}', id="a", name="f")))
    sent = path.feed(chunk(tool_delta(1, '{"y', id="b", name="g")))
    assert b"content_block_stop" in sent
    assert b'{\\"y' in sent


def test_arguments_only_in_one_chunk_and_no_type_and_no_index() -> None:
    content = said(
        chunk(tool_delta(None, '{"x":1}', id="a", name="f")),
        chunk(tool_delta(None, "{}", id="b", name="g")),
        FINISH,
    )
    assert [(b["id"], b["json"]) for b in content] == [("a", '{"x":1}'), ("b", "{}")]


def test_calls_that_share_an_index_are_told_apart_by_their_ids() -> None:
    content = said(
        chunk(tool_delta(0, '{"x":1}', id="a", name="f")),
        chunk(tool_delta(0, '{"x":2}', id="b", name="f")),
        FINISH,
    )
    assert [(b["id"], b["json"]) for b in content] == [("a", '{"x":1}'), ("b", '{"x":2}')]


def test_an_id_repeated_in_every_delta_is_one_call() -> None:
    content = said(
        chunk(tool_delta(0, "{", id="0", name="f")), chunk(tool_delta(0, "}", id="0")), FINISH
    )
    assert [(b["id"], b["json"]) for b in content] == [("0", "{}")]


def test_a_call_without_an_id_gets_one() -> None:
    assert said(chunk(tool_delta(0, "{}", name="f")), FINISH)[0]["id"] == "call_chatcmpl-1_0"


def test_empty_arguments_are_an_empty_object() -> None:
    assert said(chunk(tool_delta(0, "", id="a", name="f")), FINISH)[0]["input"] == {}


def test_text_after_a_call_is_a_block_of_its_own() -> None:
    content = said(
        chunk({"content": "one"}),
        chunk(tool_delta(0, "{}", id="a", name="f")),
        chunk({"content": "two"}),
        FINISH,
    )
    assert [b["type"] for b in content] == ["text", "tool_use", "text"]


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
        ("eos", "end_turn"),
        ("a new word", "end_turn"),
    ],
)
def test_finish_reasons_become_stop_reasons(finish: str, stop: str) -> None:
    end = ending(chunk({"content": "x"}), chunk({}, finish=finish), DONE)
    assert end["delta"] == {"stop_reason": stop, "stop_sequence": None}


def test_a_forced_call_that_ends_with_stop_is_a_tool_use() -> None:
    end = ending(chunk(tool_delta(0, "{}", id="a", name="f")), FINISH)
    assert end["delta"]["stop_reason"] == "tool_use"


def test_a_refusal_is_text_and_a_reason() -> None:
    events = chat_stream_for_messages_client(chunk({"refusal": "No."}) + FINISH)
    assert blocks(events)[0]["text"] == "No."
    assert events[-2]["delta"]["stop_reason"] == "refusal"


USAGE = {
    "prompt_tokens": 30,
    "completion_tokens": 4,
    "prompt_tokens_details": {"cached_tokens": 20},
}


def test_usage_from_the_chunk_after_the_finish_is_in_message_delta() -> None:
    end = ending(chunk({"content": "x"}), chunk({}, finish="stop"), chunk(usage=USAGE), DONE)
    assert (end["usage"]["input_tokens"], end["usage"]["cache_read_input_tokens"]) == (10, 20)
    assert end["usage"]["output_tokens"] == 4


def test_usage_in_a_chunk_that_still_has_choices_is_read() -> None:
    end = ending(chunk({"content": "x"}), chunk({}, finish="stop", usage=USAGE), DONE)
    assert end["usage"]["output_tokens"] == 4


def test_an_answer_without_done_is_whole_by_its_finish_reason() -> None:
    assert ending(chunk({"content": "x"}), chunk({}, finish="stop"))


def test_an_answer_that_is_cut_ends_in_an_error() -> None:
    assert "closed the stream" in failure(chunk({"content": "x"}))["message"]


def test_an_error_amid_the_stream_is_told_and_ends_it() -> None:
    broken = chunk({"content": ""}, error={"code": 429, "message": "Slow down"}, usage=USAGE)
    path = plan(MESSAGES, CHAT, messages_head(stream=True), TARGET).stream()
    sent = path.feed(chunk({"content": "x"}) + broken + DONE) + path.end()
    assert path.failure is not None
    assert (path.failure.kind, path.failure.status) == (FailureKind.RATE_LIMITED, 429)
    assert path.usage is not None
    assert sent.endswith(b'"error":{"type":"rate_limit_error","message":"Slow down"}}\n\n')
    assert path.fail(Failure(FailureKind.TIMEOUT, "late", 504)) == b""


def test_after_the_router_has_failed_a_stream_nothing_follows() -> None:
    path = plan(MESSAGES, CHAT, messages_head(stream=True), TARGET).stream()
    path.feed(chunk({"content": "x"}))
    assert b"timeout_error" in path.fail(Failure(FailureKind.TIMEOUT, "late", 504))
    assert path.feed(chunk({"content": "y"}) + FINISH) + path.end() == b""
    assert not path.finished


def test_comments_between_events_are_nothing() -> None:
    content = said(b": OPENROUTER PROCESSING\n\n", chunk({"content": "x"}), b":\n\n", FINISH)
    assert content[0]["text"] == "x"


@pytest.mark.parametrize("garbage", [b"data: {oops\n\n", b"data: 7\n\n"])
def test_an_event_that_is_no_chunk_ends_the_translation_with_an_error(garbage: bytes) -> None:
    assert failure(chunk({"content": "x"}), garbage, FINISH)["type"] == "api_error"


def test_a_first_chunk_without_choices_does_not_name_the_answer() -> None:
    azure = chunk(id="", model="", prompt_filter_results=[])
    events = chat_stream_for_messages_client(azure + chunk({"content": "x"}) + FINISH)
    assert (events[0]["message"]["id"], events[0]["message"]["model"]) == ("chatcmpl-1", "gpt")


def test_signatures_come_back_out_of_thinking_blocks() -> None:
    block = {"type": "thinking", "thinking": "hmm", "signature": "sig"}
    content = said(
        chunk({"reasoning_content": "h"}),
        chunk({"reasoning_content": "mm"}),
        chunk({"thinking_blocks": [block]}),
        chunk({"thinking_blocks": [{"type": "redacted_thinking", "data": "enc"}]}),
        chunk({"content": "x"}),
        FINISH,
    )
    assert [b["type"] for b in content] == ["thinking", "redacted_thinking", "text"]
    assert (content[0]["thinking"], content[0]["signature"]) == ("hmm", "sig")
    assert content[1]["data"] == "enc"


def test_openrouters_reasoning_details_sign_the_reasoning() -> None:
    detail = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
    content = said(
        chunk({"content": "", "reasoning": "t", "reasoning_details": [{**detail, "text": "t"}]}),
        chunk({"content": "", "reasoning_details": [{**detail, "signature": "sig"}]}),
        chunk({"content": "x"}),
        FINISH,
    )
    assert (content[0]["thinking"], content[0]["signature"]) == ("t", "sig")
    assert len(content) == 2


def test_a_second_choice_is_left_out() -> None:
    second = {"index": 1, "delta": {"content": "other"}, "finish_reason": None}
    content = said(chunk({"content": "x"}), chunk(choices=[second]), FINISH)
    assert [b["text"] for b in content] == ["x"]


def test_a_vendor_that_does_not_stream_still_answers() -> None:
    whole = {
        "id": "c",
        "model": "gpt",
        "choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
    events = chat_stream_for_messages_client(json.dumps(whole).encode())
    assert blocks(events)[0]["text"] == "x"
    assert events[-1] == {"type": "message_stop"}


def test_an_error_inside_a_choice_ends_the_stream() -> None:
    choice = {"index": 0, "delta": {"content": ""}, "error": {"code": 503, "message": "gone"}}
    assert failure(chunk({"content": "x"}), chunk(choices=[choice]), DONE)["message"] == "gone"


def test_a_finish_by_an_error_is_not_passed_off_as_an_end() -> None:
    assert failure(chunk({"content": "x"}), chunk({}, finish="error"), DONE)["type"] == "api_error"


def test_empty_data_is_a_keep_alive() -> None:
    assert said(b"data:\n\n", chunk({"content": "x"}), b"data: \n\n", FINISH)[0]["text"] == "x"

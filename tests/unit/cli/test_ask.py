"""`ask`, against streams as the router relays them."""

import json
from typing import Any

import pytest

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
EVENT_STREAM = {"content-type": "text/event-stream", "x-tollway-request-id": "req_1"}
JSON = {"content-type": "application/json", "x-tollway-request-id": "req_1"}


def sse(*events: Any) -> bytes:
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        if isinstance(event, dict) and "type" in event
        else f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
        for event in events
    )


def piece(text: str | None, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}, "finish_reason": finish}]}


CHAT_USAGE = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}
CHAT_STREAM = sse(piece(""), piece("Grüß "), piece("Gott\u2028!"), piece(None, "stop"), CHAT_USAGE)
MESSAGES_STREAM = sse(
    {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}},
    {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "ping"},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "lo\n"}},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 7},
    },
    {"type": "message_stop"},
)


def streamed(gateway, path: str, content: bytes, size: int = 7) -> None:
    chunks = tuple(content[start : start + size] for start in range(0, len(content), size))
    gateway.say(path, headers=EVENT_STREAM, chunks=chunks)


def test_an_answer_is_streamed_from_the_chat_surface_with_the_workspaces_key(
    tollway, gateway
) -> None:
    streamed(gateway, CHAT, CHAT_STREAM + b"data: [DONE]\n\n")
    ran = tollway("ask", "-m", "house", "--system", "Be kind.", "Hello", "--usage")
    assert (ran.code, ran.out) == (0, "Grüß Gott\u2028!\n")
    assert "request: req_1" in ran.err
    assert "prompt_tokens 5, completion_tokens 7" in ran.err
    (call,) = gateway.calls
    assert call.headers["authorization"] == "Bearer tw_the-workspaces-key"
    assert call.body == {
        "model": "house",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hello"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_anthropics_surface_is_spoken_to_in_its_own_format(tollway, gateway) -> None:
    streamed(gateway, MESSAGES, MESSAGES_STREAM)
    ran = tollway("ask", "--anthropic", "-m", "house", "-", "--usage", typed="Hello")
    assert (ran.code, ran.out) == (0, "Hello\n")
    assert "input_tokens 5, output_tokens 7" in ran.err
    (call,) = gateway.calls
    assert call.headers["x-api-key"] == "tw_the-workspaces-key"
    assert call.headers["anthropic-version"]
    assert (call.body["messages"][0]["content"], call.body["max_tokens"] > 0) == ("Hello", True)


def test_an_answer_can_come_whole(tollway, gateway) -> None:
    message = {"role": "assistant", "content": "Hello"}
    choice = {"message": message, "finish_reason": "length"}
    gateway.say(CHAT, {"choices": [choice], "usage": {"prompt_tokens": 5}}, headers=JSON)
    ran = tollway("ask", "--no-stream", "-m", "house", "hi")
    assert (ran.code, ran.out) == (0, "Hello\n")
    assert "ends where its tokens did" in ran.err
    assert "stream" not in gateway.calls[-1].body
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hello"}]
    gateway.say(MESSAGES, {"content": blocks, "usage": {"input_tokens": 5}}, headers=JSON)
    assert tollway("ask", "--anthropic", "--no-stream", "-m", "house", "hi").out == "Hello\n"


def test_without_a_model_it_is_the_first_that_the_key_may_use(tollway, gateway) -> None:
    gateway.say("/v1/models", {"data": [{"id": "one"}, {"id": "two"}]})
    streamed(gateway, CHAT, CHAT_STREAM + b"data: [DONE]\n\n")
    ran = tollway("ask", "hi")
    assert (ran.code, gateway.calls[-1].body["model"]) == (0, "one")
    assert "model: one" in ran.err
    gateway.say("/v1/models", {"data": []})
    assert "may use no model" in tollway("ask", "hi").err


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_stream_means_the_same_however_it_is_cut(
    tollway, gateway, size: int, newline: bytes
) -> None:
    content = (b": comment\n\n" + CHAT_STREAM + b"data: [DONE]\n\n").replace(b"\n", newline)
    streamed(gateway, CHAT, content, size)
    assert tollway("ask", "-m", "house", "hi").out == "Grüß Gott\u2028!\n"


@pytest.mark.parametrize(
    ("options", "path", "content", "said"),
    [
        ([], CHAT, CHAT_STREAM, "cut before its end"),
        ([], CHAT, CHAT_STREAM + b"data: [DONE]", "cut before its end"),
        (
            [],
            CHAT,
            sse(piece("Gr"), {"error": {"message": "gone", "code": "upstream_cut"}}),
            "broke off: gone [upstream_cut]",
        ),
        (
            ["--anthropic"],
            MESSAGES,
            sse({"type": "error", "error": {"type": "overloaded_error", "message": "full"}}),
            "broke off: full [overloaded_error]",
        ),
        ([], CHAT, sse("{not json"), "cut before its end"),
        ([], CHAT, b'data: [1]\n\ndata: {"choices": 3}\n\n', "cut before its end"),
    ],
)
def test_a_stream_that_breaks_off_is_no_success(
    tollway, gateway, options: list[str], path: str, content: bytes, said: str
) -> None:
    streamed(gateway, path, content)
    ran = tollway("ask", "-m", "house", *options, "hi")
    assert ran.code == 1
    assert said in ran.err
    assert "req_1" in ran.err


def test_a_connection_that_breaks_under_a_stream_keeps_what_came(tollway, gateway) -> None:
    headers = {**EVENT_STREAM, "content-length": "99999"}
    gateway.say(CHAT, headers=headers, chunks=(CHAT_STREAM,))
    ran = tollway("ask", "-m", "house", "hi")
    assert (ran.code, ran.out) == (1, "Grüß Gott\u2028!\n")
    assert "cut before its end" in ran.err
    assert "req_1" in ran.err


def test_a_refusal_is_the_routers_own_words(tollway, gateway) -> None:
    error = {"error": {"message": "No such model.", "type": "x", "code": "model_not_found"}}
    gateway.say(CHAT, error, 404, headers=JSON)
    ran = tollway("ask", "-m", "nope", "hi")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "error: No such model. [model_not_found]\n  request: req_1\n"
    gateway.say(CHAT, b"<html>", 502)
    assert "is not Tollway's router" in tollway("ask", "-m", "nope", "hi").err


def test_a_foreign_openai_key_is_not_sent_to_the_router(tollway, gateway) -> None:
    streamed(gateway, CHAT, CHAT_STREAM + b"data: [DONE]\n\n")
    tollway("ask", "-m", "house", "hi", OPENAI_API_KEY="sk-somebody-elses")
    tollway("ask", "-m", "house", "hi", OPENAI_API_KEY="tw_another")
    tollway("ask", "-m", "house", "hi", OPENAI_API_KEY="tw_another", TOLLWAY_API_KEY="tw_mine")
    sent = [call.headers["authorization"] for call in gateway.calls]
    assert sent == ["Bearer tw_the-workspaces-key", "Bearer tw_another", "Bearer tw_mine"]


def test_an_answer_cannot_steer_the_terminal_and_is_untouched_in_a_pipe(tollway, gateway) -> None:
    content = sse(piece("a\x1b[2Jb\tc\n"), piece(None, "stop")) + b"data: [DONE]\n\n"
    streamed(gateway, CHAT, content)
    assert "\x1b[2J" not in tollway.at_terminal("ask", "-m", "m", "hi").out
    assert tollway("ask", "-m", "m", "hi").out == "a\x1b[2Jb\tc\n"


def test_nothing_to_ask_is_a_mistake(tollway) -> None:
    assert tollway("ask", "").code == 2
    assert tollway("ask", "-", typed=" \n").code == 2
    assert tollway("ask").code == 2

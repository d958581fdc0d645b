import pytest
from unit.codecs.wire import CHAT, MESSAGES, chat_head, messages_head, refusal

from tollway_router.canonical.failure import FailureKind
from tollway_router.codecs.codec import Codec, Quirks, Target
from tollway_router.codecs.exchange import plan

CODECS = pytest.mark.parametrize("codec", [CHAT, MESSAGES], ids=lambda codec: codec.name)


@CODECS
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"model": "m", }', "byte 15"),
        (b'{"model": "m"', "byte 13"),
        (b"", "byte 0"),
        (b"<html>", "byte 0"),
        (b"[1]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
    ],
)
def test_what_is_no_json_object_is_refused_with_its_place(
    codec: Codec, body: bytes, said: str
) -> None:
    failure = refusal(codec.read_head, body)
    assert (failure.kind, failure.status) == (FailureKind.INVALID_REQUEST, 400)
    assert said in failure.message


@CODECS
@pytest.mark.parametrize("model", [b"", b'"model": 7,', b'"model": null,', b'"model": " ",'])
def test_a_missing_or_odd_model_is_refused(codec: Codec, model: bytes) -> None:
    assert refusal(codec.read_head, b"{" + model + b'"messages": []}').param == "model"


@CODECS
def test_a_stream_flag_must_be_true_or_false_and_null_means_false(codec: Codec) -> None:
    assert refusal(codec.read_head, b'{"model": "m", "stream": "yes"}').param == "stream"
    assert codec.read_head(b'{"model": "m", "stream": null}').stream is False


@CODECS
def test_nesting_beyond_reason_is_refused_not_a_crash(codec: Codec) -> None:
    deep = b'{"model": "m", "max_tokens": 1, "messages": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    failure = refusal(lambda: codec.read_request(codec.read_head(deep)))
    assert "nested too deeply" in failure.message


def test_the_head_knows_the_user_and_whether_usage_is_wanted() -> None:
    head = chat_head(stream=True, user="u1", stream_options={"include_usage": True})
    assert (head.user, head.stream, head.wants_stream_usage) == ("u1", True, True)
    assert chat_head(safety_identifier="u2").user == "u2"
    assert messages_head(metadata={"user_id": "u3"}).user == "u3"
    assert not chat_head(stream_options={"include_usage": False}).wants_stream_usage


def test_patching_keeps_every_value_byte_for_byte_and_the_order_of_keys() -> None:
    raw = (
        b'{"x": {"b":1.0,  "a":1e2}, "model":"m", "messages":[ "\\u00e9" ],"z":1234567890123456789}'
    )
    patched = CHAT.patch_request(CHAT.read_head(raw), Target("up"))
    assert patched == (
        b'{"x":{"b":1.0,  "a":1e2},"model":"up","messages":[ "\\u00e9" ],"z":1234567890123456789}'
    )


def test_usage_is_asked_for_when_a_chat_streams_and_other_options_stay() -> None:
    head = chat_head(stream=True, stream_options={"include_obfuscation": False})
    assert b'"stream_options":{"include_obfuscation":false,"include_usage":true}' in (
        CHAT.patch_request(head, Target("up"))
    )


def test_usage_is_not_asked_for_where_it_is_not_needed_or_not_known() -> None:
    no_options = Target("up", quirks=Quirks(stream_options=False))
    assert b"stream_options" not in CHAT.patch_request(chat_head(stream=True), no_options)
    assert b"stream_options" not in CHAT.patch_request(chat_head(), Target("up"))


@pytest.mark.parametrize("head", [chat_head(temperature=1), messages_head(temperature=1)])
def test_a_temperature_that_the_model_does_not_take_is_dropped_by_name(head: object) -> None:
    codec = CHAT if "max_tokens" not in head.fields else MESSAGES  # type: ignore[attr-defined]
    made = plan(codec, codec, head, Target("up", supports_temperature=False))  # type: ignore[arg-type]
    assert b"temperature" not in made.body
    assert made.dropped == ("temperature",)


def test_tools_for_a_model_without_tools_are_refused_or_dropped() -> None:
    head = chat_head(tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="auto")
    assert refusal(plan, CHAT, CHAT, head, Target("up", supports_tools=False)).param == "tools"
    made = plan(CHAT, CHAT, head, Target("up", on_unsupported="drop", supports_tools=False))
    assert made.dropped == ("tools", "tool_choice")
    assert b"tool" not in made.body

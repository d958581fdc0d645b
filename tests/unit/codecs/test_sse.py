import pytest

from tollway_router.codecs.sse import BlockSplitter, SseEvent, SseParser, read_block, write_event


def parsed(stream: bytes, size: int) -> list[SseEvent]:
    parser = SseParser()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    return [event for piece in pieces for event in parser.feed(piece)] + parser.end()


STREAM = 'data: {"a": "é€😀"}\n\nevent: ping\ndata: 1\ndata: 2\n\n: comment\n\ndata:bare\n\n'
EVENTS = [
    SseEvent(None, '{"a": "é€😀"}'.encode()),
    SseEvent("ping", b"1\n2"),
    SseEvent(None, b"bare"),
]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_events_are_the_same_for_any_line_end_and_any_cut(line_end: str, size: int) -> None:
    assert parsed(STREAM.replace("\n", line_end).encode(), size) == EVENTS


def test_line_ends_may_be_mixed() -> None:
    assert parsed(b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r", 1) == [
        SseEvent(None, b"1"),
        SseEvent(None, b"2"),
        SseEvent(None, b"3"),
    ]


def test_a_last_event_without_its_blank_line_still_counts() -> None:
    assert parsed(b"data: 1\n\ndata: [DONE]", 4) == [
        SseEvent(None, b"1"),
        SseEvent(None, b"[DONE]"),
    ]


def test_comments_and_unknown_fields_carry_nothing() -> None:
    assert read_block(b": OPENROUTER PROCESSING\n\n") is None
    assert read_block(b"id: 7\nretry: 3\ndata: x\n\n") == SseEvent(None, b"x")


def test_a_byte_order_mark_at_the_start_is_not_part_of_the_field() -> None:
    assert parsed(b"\xef\xbb\xbfdata: 1\n\n", 1) == [SseEvent(None, b"1")]


def test_bare_json_between_events_counts_as_data() -> None:
    assert read_block(b'{"error": {"code": 429}}\n\n') == SseEvent(
        None, b'{"error": {"code": 429}}'
    )


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_every_byte_comes_out_of_the_splitter_once(line_end: bytes) -> None:
    stream = STREAM.encode().replace(b"\n", line_end)
    splitter = BlockSplitter()
    out = b"".join(b"".join(splitter.feed(bytes([byte]))) for byte in stream)
    assert out + splitter.rest() == stream


def test_written_events_read_back() -> None:
    assert parsed(write_event(b"{}", "error") + write_event(b"1"), 1) == [
        SseEvent("error", b"{}"),
        SseEvent(None, b"1"),
    ]

"""The token rule: a token is four bytes of UTF-8, and a started one counts.

`ceil(bytes / 4)` stands for every provider's tokenizer, so that anyone can compute a bill by hand.
An answer counts block by block (reasoning, text, each tool call); a request counts as one text.
"""

from collections.abc import Iterator

BYTES_PER_TOKEN = 4


def tokens_in(size: int) -> int:
    """Tokens of `size` bytes."""
    return -(-size // BYTES_PER_TOKEN)


def count(text: str) -> int:
    """Tokens of a text."""
    return tokens_in(len(text) if text.isascii() else len(text.encode()))


def clip(text: str, limit: int) -> str:
    """The longest beginning that costs at most `limit` tokens; no character is split."""
    size = limit * BYTES_PER_TOKEN
    if text.isascii():
        return text[:size]
    return text.encode()[:size].decode(errors="ignore")


def pieces(text: str, batch: int = 1) -> Iterator[tuple[str, int]]:
    """Split a text into events of `batch` tokens: (piece, tokens of the text up to its end)."""
    step = batch * BYTES_PER_TOKEN
    if text.isascii():
        size = len(text)
        for start in range(0, size, step):
            yield text[start : start + step], tokens_in(min(start + step, size))
        return
    yield from _characters(text.encode(), step)


def _characters(data: bytes, step: int) -> Iterator[tuple[str, int]]:
    start, size = 0, len(data)
    while start < size:
        end = min(start + step, size)
        while end < size and data[end] & 0xC0 == 0x80:  # inside a character: step back to its start
            end -= 1
        yield data[start:end].decode(), tokens_in(end)
        start = end

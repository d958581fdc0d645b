"""Prompt caches: which beginning of a prompt was seen before by the same key and model.

Two rules, as the providers document them. *Marked* (Anthropic): a prefix up to a mark is written
with that mark's time to live, and the longest prefix that was written before is read. *Automatic*
(OpenAI): a prompt of 1,024 tokens or more is remembered in steps of 128 tokens.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import msgspec

from tollway_simulator.ask import Segment, size_in_tokens
from tollway_simulator.tokens import BYTES_PER_TOKEN, tokens_in
from tollway_simulator.usage import Usage

_LIFETIMES = {"5m": 300.0, "1h": 3600.0}
_AUTOMATIC_LIFETIME = 600.0
_STEP_TOKENS = 128
_CAPACITY = 100_000


class _Prefix(msgspec.Struct, frozen=True):
    digest: bytes
    tokens: int
    mark: str


class PromptCache:
    """Remembers prefixes by digest, the least recently used ones leave first."""

    def __init__(self, clock: Callable[[], float], capacity: int = _CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._expiry: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def marked(self, owner: str, segments: Sequence[Segment], minimum: int) -> Usage:
        """Input usage under the rule of marks; prefixes under `minimum` tokens are not cached."""
        total = size_in_tokens(segments)
        if not any(segment.mark for segment in segments):
            return Usage(input_uncached=total)
        prefixes = list(_prefixes(owner, segments))
        marks = [prefix for prefix in prefixes if prefix.mark and prefix.tokens >= minimum]
        if not marks:
            return Usage(input_uncached=total)
        known = (p for p in reversed(prefixes) if p.tokens <= marks[-1].tokens and self._knows(p))
        read = next((prefix.tokens for prefix in known), 0)
        written = {"5m": 0, "1h": 0}
        steps = [read, *(max(read, mark.tokens) for mark in marks)]
        for mark, (start, end) in zip(marks, pairwise(steps), strict=True):
            written[mark.mark] += end - start
            self._remember(mark.digest, _LIFETIMES[mark.mark])
        return Usage(
            input_uncached=total - marks[-1].tokens,
            cache_read=read,
            cache_write_5m=written["5m"],
            cache_write_1h=written["1h"],
        )

    def automatic(self, owner: str, segments: Sequence[Segment], minimum: int) -> Usage:
        """Input usage under the automatic rule: only reads are told, in steps of 128 tokens."""
        total = size_in_tokens(segments)
        if total < max(minimum, 1):
            return Usage(input_uncached=total)
        steps = list(_steps(owner, segments, minimum))
        read = next((prefix.tokens for prefix in reversed(steps) if self._knows(prefix)), 0)
        for prefix in steps:
            self._remember(prefix.digest, _AUTOMATIC_LIFETIME)
        return Usage(input_uncached=total - read, cache_read=read)

    def clear(self) -> None:
        """Forget everything."""
        self._expiry.clear()

    def _knows(self, prefix: _Prefix) -> bool:
        entry = self._expiry.get(prefix.digest)
        if entry is None or entry[0] < self._clock():
            return False
        self._remember(prefix.digest, entry[1])  # a read renews the entry
        return True

    def _remember(self, digest: bytes, lifetime: float) -> None:
        self._expiry[digest] = (self._clock() + lifetime, lifetime)
        self._expiry.move_to_end(digest)
        if len(self._expiry) > self._capacity:
            self._expiry.popitem(last=False)


def _prefixes(owner: str, segments: Sequence[Segment]) -> Iterator[_Prefix]:
    chain = hashlib.blake2b(owner.encode(errors="replace"), digest_size=16)
    size = 0
    for segment in segments:
        data = segment.data.encode(errors="replace")
        chain.update(len(data).to_bytes(8, "big"))  # so that moved borders are another prefix
        chain.update(data)
        size += segment.size
        yield _Prefix(chain.digest(), tokens_in(size), segment.mark)


def _steps(owner: str, segments: Sequence[Segment], minimum: int) -> Iterator[_Prefix]:
    chain = hashlib.blake2b(owner.encode(errors="replace"), digest_size=16)
    text = "".join(_as_counted(segment) for segment in segments).encode(errors="replace")
    width = _STEP_TOKENS * BYTES_PER_TOKEN
    for end in range(width, len(text) + 1, width):
        chain.update(text[end - width : end])
        tokens = tokens_in(end)
        if tokens >= minimum:
            yield _Prefix(chain.digest(), tokens, "")


def _as_counted(segment: Segment) -> str:
    """Media weigh a fixed size: stand in for them with a digest, repeated to that size."""
    if len(segment.data) == segment.size or not segment.data.isascii():
        return segment.data
    digest = hashlib.blake2b(segment.data.encode(), digest_size=32).hexdigest()
    return (digest * (segment.size // len(digest) + 1))[: segment.size]

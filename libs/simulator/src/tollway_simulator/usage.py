"""What an answer cost, in disjoint meters, before a wire adds them up its own way."""

import msgspec


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one answer. `reasoning` lies inside `output`; everything else is disjoint."""

    input_uncached: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    web_searches: int = 0

    @property
    def input_total(self) -> int:
        """All input tokens, cached ones included, as OpenAI reports them."""
        return self.input_uncached + self.cache_read + self.cache_write

    @property
    def cache_write(self) -> int:
        """Tokens written to the cache, whatever their time to live."""
        return self.cache_write_5m + self.cache_write_1h

    def with_output(self, output: int) -> "Usage":
        """The same input with only `output` tokens given out."""
        return msgspec.structs.replace(self, output=output, reasoning=min(self.reasoning, output))

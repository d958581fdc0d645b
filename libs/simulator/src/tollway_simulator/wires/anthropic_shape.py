"""The shapes inside a Messages request that its reader and its rules share."""

from typing import Any, Literal

import msgspec

Lifetime = Literal["5m", "1h"]


class CacheControl(msgspec.Struct):
    """A mark that ends a cached prefix."""

    type: str
    ttl: Lifetime | None = None

    @property
    def lifetime(self) -> Lifetime:
        """How long the prefix is kept; five minutes unless told."""
        return self.ttl or "5m"


class Block(msgspec.Struct):
    """Any content block; the fields that its type does not have stay empty."""

    type: str
    text: str = ""
    thinking: str = ""
    signature: str | None = None
    source: Any = None
    id: str = ""
    name: str = ""
    input: Any = None
    tool_use_id: str = ""
    content: "str | list[Block] | None" = None
    cache_control: CacheControl | None = None

    @property
    def mark(self) -> Literal["", "5m", "1h"]:
        """The lifetime of the prefix that ends here; empty without a mark."""
        return self.cache_control.lifetime if self.cache_control else ""


class Message(msgspec.Struct):
    """One turn of the conversation."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class ToolOffer(msgspec.Struct):
    """A tool; one of Anthropic's own has a dated type and no schema."""

    name: str
    type: str | None = None
    description: str = ""
    input_schema: dict[str, Any] | None = None
    cache_control: CacheControl | None = None

    @property
    def is_client_side(self) -> bool:
        """Whether the client runs it."""
        return self.type in (None, "custom")

    @property
    def mark(self) -> Literal["", "5m", "1h"]:
        """As for a block."""
        return self.cache_control.lifetime if self.cache_control else ""

"""The wire formats that the router speaks, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from tollway_router.codecs.anthropic_messages.codec import AnthropicMessages
from tollway_router.codecs.codec import Codec
from tollway_router.codecs.openai_chat.codec import OpenAIChat

CODECS: Mapping[str, Codec] = MappingProxyType(
    {codec.name: codec for codec in (OpenAIChat(), AnthropicMessages())}
)

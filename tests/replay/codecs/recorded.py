"""Which recordings hold the two chat formats, and how their requests become heads."""

import json
from dataclasses import replace

from support.corpus import Exchange, exchanges

from tollway_router.codecs.anthropic_messages.codec import AnthropicMessages
from tollway_router.codecs.codec import Codec, RequestHead
from tollway_router.codecs.openai_chat.codec import OpenAIChat

# The clock stands, so that one answer reads the same whenever it is translated.
_CODECS: dict[str, Codec] = {
    codec.name: codec for codec in (OpenAIChat(now=lambda: 1_700_000_000), AnthropicMessages())
}
_FORMATS = {
    ("anthropic", "messages"): "anthropic-messages",
    ("openai-chat-completions", "chat-completions"): "openai-chat",
    ("azure", "chat-completions"): "openai-chat",
}


def recordings() -> list[Exchange]:
    """Every recording of Messages and of chat completions."""
    return [_named(one) for one in exchanges() if (one.spec, one.dialect) in _FORMATS]


def _named(exchange: Exchange) -> Exchange:
    """Azure names the deployment in the address; a client of ours names a model in the body."""
    if exchange.spec != "azure" or not isinstance(exchange.request_body, dict):
        return exchange
    return replace(exchange, request_body={"model": "by-address", **exchange.request_body})


def codec_of(exchange: Exchange) -> Codec:
    """The format that was recorded."""
    return _CODECS[_FORMATS[exchange.spec, exchange.dialect]]


def other_codec(exchange: Exchange) -> Codec:
    """The format to translate into."""
    own = codec_of(exchange).name
    return next(codec for name, codec in _CODECS.items() if name != own)


def head_of(exchange: Exchange, codec: Codec | None = None) -> RequestHead:
    """The request's head, or a plausible one for an answer that was recorded alone."""
    if codec is None and isinstance(exchange.request_body, dict):
        return codec_of(exchange).read_head(exchange.request_bytes())
    chosen = codec or codec_of(exchange)
    request: dict[str, object] = {
        "model": "recorded",
        "messages": [{"role": "user", "content": "?"}],
        "max_tokens": 100,
        "stream": exchange.is_event_stream,
    }
    if chosen.name == "openai-chat":
        request["stream_options"] = {"include_usage": True}
    return chosen.read_head(json.dumps(request).encode())


def pieces(body: bytes, size: int) -> list[bytes]:
    """The body cut into pieces of a size."""
    return [body[at : at + size] for at in range(0, len(body), size)]

"""OpenAI's Chat Completions: https://platform.openai.com/docs/api-reference/chat."""

from tollway_contracts.vocabulary import Surface
from tollway_router.codecs.registry import CODECS
from tollway_router.surfaces.endpoint import SurfaceRow

CHAT_COMPLETIONS = SurfaceRow(
    surface=Surface.CHAT_COMPLETIONS,
    path="/v1/chat/completions",
    codec=CODECS["openai-chat"],
    summary="Answer a conversation, as OpenAI's Chat Completions does",
)

"""Anthropic's Messages: https://docs.anthropic.com/en/api/messages."""

from tollway_contracts.vocabulary import Surface
from tollway_router.codecs.registry import CODECS
from tollway_router.surfaces.endpoint import SurfaceRow

MESSAGES = SurfaceRow(
    surface=Surface.MESSAGES,
    path="/v1/messages",
    codec=CODECS["anthropic-messages"],
    summary="Answer a conversation, as Anthropic's Messages does",
)

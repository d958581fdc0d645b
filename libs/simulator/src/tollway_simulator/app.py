"""The simulator as an ASGI application. Read this first."""

from starlette.applications import Starlette
from starlette.routing import Route

from tollway_simulator.admin import Admin, livez
from tollway_simulator.exchange import Exchange
from tollway_simulator.models import ModelList
from tollway_simulator.replay import Corpus, Replay
from tollway_simulator.settings import SimulatorSettings
from tollway_simulator.simulation import create_simulation
from tollway_simulator.wires.anthropic_messages import AnthropicCounting, AnthropicMessages
from tollway_simulator.wires.openai_chat import OpenAIChat


def create_app(settings: SimulatorSettings) -> Starlette:
    """Wire everything: one line per wire, then models, recordings and the admin endpoints."""
    simulation = create_simulation(settings)
    chat = Exchange(OpenAIChat(), simulation)
    messages = Exchange(AnthropicMessages(), simulation)
    counting = Exchange(AnthropicCounting(), simulation)
    models = ModelList(simulation)
    replay = Replay(Corpus(settings.simulator_corpus), simulation.seen)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/messages", messages, methods=["POST"]),
            Route("/v1/messages/count_tokens", counting, methods=["POST"]),
            Route("/v1/models", models.list_models),
            Route("/v1/models/{model:path}", models.one_model),
            Route("/x/{recording}", replay, methods=["POST"]),
            Route("/x/{recording}/{rest:path}", replay, methods=["POST"]),
            Route("/livez", livez),
            *Admin(simulation).routes(),
        ]
    )

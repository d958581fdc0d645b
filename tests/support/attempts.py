"""Attempts on the router's way, for tests of what is recorded of them."""

from dataclasses import dataclass

from support.builders import api_key, deployment, model, provider

from tollway_contracts.vocabulary import Surface
from tollway_router.routing.table import make_route
from tollway_router.usage.attempt import Attempt, Request


@dataclass(frozen=True)
class Asked:
    """A request of so many characters."""

    input_chars: int = 41


def an_attempt(*, user: str | None = None) -> Attempt:
    """An attempt that was just begun."""
    route = make_route(model(), deployment(), provider())
    assert route is not None
    request = Request("req_1", Surface.CHAT_COMPLETIONS, api_key(), True, user)
    return Attempt(request, route, 1, Asked())

"""In which order a model's deployments are tried."""

import random
from collections.abc import Sequence

from tollway_router.routing.table import Route


def order(routes: Sequence[Route], chance: random.Random) -> list[Route]:
    """Return routes by priority (lowest number first), drawn by weight among equals.

    A weight of 0 takes a deployment out.
    """
    eligible = [route for route in routes if route.deployment.weight > 0]
    if len(eligible) < 2:
        return eligible
    return sorted(eligible, key=lambda route: (route.deployment.priority, _draw(route, chance)))


def _draw(route: Route, chance: random.Random) -> float:
    # Sorting by u^(1/w), descending, draws without replacement in proportion to weight w
    # (Efraimidis and Spirakis, 2006).
    drawn: float = chance.random() ** (1.0 / route.deployment.weight)
    return -drawn

"""Meters as a report names them."""

from collections.abc import Iterable, Mapping
from typing import Any

from tollway_contracts.vocabulary import Meter


def in_order(meters: Iterable[str]) -> list[str]:
    """Return meters in the vocabulary's order; one that a newer service knows comes last."""
    found = set(meters)
    known = [str(meter) for meter in Meter]
    return [meter for meter in known if meter in found] + sorted(found - set(known))


def stated(meters: Mapping[str, Any]) -> str:
    """Return all that a provider stated, zeros too, in one line."""
    return ", ".join(f"{meter} {meters[meter]}" for meter in in_order(meters)) or "nothing"


def used(meters: Mapping[str, Any]) -> str:
    """Return what was used, in one line."""
    return stated({meter: count for meter, count in meters.items() if count})

"""Scripts queued for the next requests: fail twice, then succeed, without touching the client."""

from collections import deque
from typing import Any

import msgspec


class Booking(msgspec.Struct):
    """Scripts for requests of one model (None: any) and one key's fingerprint (None: any)."""

    model: str | None
    key: str | None
    scripts: deque[str]

    def fits(self, model: str, key: str) -> bool:
        """Whether a request is meant."""
        return self.model in (None, model) and self.key in (None, key)


class Schedule:
    """Bookings in the order they were made; each request uses up one script of one booking."""

    def __init__(self) -> None:
        self._bookings: list[Booking] = []

    def book(self, booking: Booking) -> None:
        """Queue scripts; an empty script stands for a request that is left alone."""
        if booking.scripts:
            self._bookings.append(booking)

    def take(self, model: str, key: str) -> str:
        """The script for this request; empty when nothing is queued for it."""
        for booking in self._bookings:
            if booking.fits(model, key):
                script = booking.scripts.popleft()
                if not booking.scripts:
                    self._bookings.remove(booking)
                return script
        return ""

    def waiting(self) -> list[dict[str, Any]]:
        """What is still queued."""
        return [
            {"model": booking.model, "key": booking.key, "scripts": list(booking.scripts)}
            for booking in self._bookings
        ]

    def clear(self) -> None:
        """Drop everything queued."""
        self._bookings.clear()

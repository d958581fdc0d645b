"""Refuses request bodies that are larger than anything this service is sent.

Bodies are read before tokens are, so that without a limit anyone could fill the memory.
"""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 1_048_576  # a service account's key file has some 2,400


class BodyLimit:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; reading more of its body than allowed raises a 413."""
        left = self._max_bytes

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, f"The body has more than {self._max_bytes} bytes.")
            return message

        await self._app(scope, limited if scope["type"] == "http" else receive, send)

"""An inference endpoint at ASGI level: what a web framework would add here costs as much as all
the rest of the path.
"""

from dataclasses import dataclass

import structlog
from starlette.types import Receive, Scope, Send

from tollway_contracts.vocabulary import Surface
from tollway_kit.ids import new_id
from tollway_router.canonical.failure import Failure, FailureKind, RequestRefused
from tollway_router.client import Client
from tollway_router.codecs.codec import Codec
from tollway_router.pipeline import Call, Pipeline, refuse
from tollway_router.settings import RouterSettings
from tollway_router.surfaces.body import ClientLeft, read_body
from tollway_router.surfaces.keys import presented_key

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SurfaceRow:
    """A client format: where it is served and by which codec. `summary` is for the document."""

    surface: Surface
    path: str
    codec: Codec
    summary: str


class Endpoint:
    """Serves one surface."""

    def __init__(self, row: SurfaceRow, pipeline: Pipeline, settings: RouterSettings) -> None:
        self._row = row
        self._pipeline = pipeline
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens, in the surface's own format."""
        timeout = self._settings.client_timeout
        client = Client(scope, receive, send, new_request_id(), write_timeout=timeout)
        codec = self._row.codec
        try:
            key = self._pipeline.authenticate(presented_key(scope))
            body = await read_body(receive, self._settings.max_body_bytes, timeout)
            call = Call(client.request_id, self._row.surface, codec, key, body)
            await self._pipeline.handle(call, client)
        except ClientLeft:
            return
        except RequestRefused as refused:
            await refuse(client, codec, refused.failure)
        except Exception as error:  # one request's bug must not look like a cut line
            log.error("request failed", request_id=client.request_id, exc_info=error)
            msg = (
                f"Something went wrong in the gateway. Its log has the cause: {client.request_id}."
            )
            await refuse(client, codec, Failure(FailureKind.INTERNAL, msg, 500, code="internal"))


def new_request_id() -> str:
    """Return a new request's id."""
    return new_id("req")

"""Who is calling and which model is meant. Pure; every refusal says what to do."""

import hashlib
from datetime import datetime

from tollway_contracts.events import ApiKeyChanged
from tollway_contracts.vocabulary import ModelState
from tollway_router.canonical.failure import Failure, FailureKind, RequestRefused
from tollway_router.routing.table import ModelEntry, RouteTable


def authenticate(table: RouteTable, presented: str | None, now: datetime) -> ApiKeyChanged:
    """Return the API key that was presented. Raises RequestRefused (401)."""
    if not presented:
        msg = "No API key. Send it as 'Authorization: Bearer tw_...' or in 'x-api-key'."
        raise _refused(FailureKind.AUTHENTICATION, 401, "missing_api_key", msg)
    # The table is looked up by digest, so no comparison depends on the key's own characters.
    key = table.keys.get(hashlib.sha256(presented.encode()).hexdigest())
    if key is None:
        msg = "This API key is not known here. Check it, or ask the workspace's admin for one."
        raise _refused(FailureKind.AUTHENTICATION, 401, "invalid_api_key", msg)
    if key.disabled:
        msg = f"The API key '{key.name}' is disabled."
        raise _refused(FailureKind.AUTHENTICATION, 401, "invalid_api_key", msg)
    if key.expires_at is not None and key.expires_at <= now:
        msg = f"The API key '{key.name}' expired at {key.expires_at:%Y-%m-%d %H:%M} UTC."
        raise _refused(FailureKind.AUTHENTICATION, 401, "expired_api_key", msg)
    return key


def resolve(table: RouteTable, key: ApiKeyChanged, name: str) -> ModelEntry:
    """Return the model that a request names. Raises RequestRefused (404, 503).

    A model that the key may not use is answered like one that does not exist.
    """
    entry = table.models.get((key.workspace, name))
    if entry is None or (key.models is not None and name not in key.models):
        msg = (
            f"The model '{name}' does not exist, or the API key '{key.name}' may not use it. "
            "GET /v1/models lists those that it may."
        )
        raise _refused(FailureKind.NOT_FOUND, 404, "model_not_found", msg, param="model")
    if entry.model.state is ModelState.MAINTENANCE:
        msg = f"The model '{name}' is in maintenance. Try again later."
        raise _refused(FailureKind.MAINTENANCE, 503, "model_in_maintenance", msg)
    if not any(route.deployment.weight for route in entry.routes):
        msg = f"The model '{name}' has no deployment that serves."
        raise _refused(FailureKind.MAINTENANCE, 503, "no_deployment", msg)
    return entry


def _refused(
    kind: FailureKind, status: int, code: str, message: str, param: str | None = None
) -> RequestRefused:
    return RequestRefused(Failure(kind, message, status, code=code, param=param))

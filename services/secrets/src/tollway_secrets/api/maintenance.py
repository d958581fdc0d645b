"""Rewrapping a workspace's ciphertexts, and the record of everything that was done."""

from typing import Annotated

from fastapi import APIRouter, Depends

from tollway_contracts.http import Page
from tollway_contracts.vocabulary import Name, Role
from tollway_kit.auth import PeopleGate, Person
from tollway_kit.errors import Invalid
from tollway_kit.paging import DEFAULT_LIMIT, read_cursor
from tollway_secrets.api.credentials import Cursor, Limit
from tollway_secrets.api.headers import IdempotencyKey, guarded_write
from tollway_secrets.api.problems import problems
from tollway_secrets.rewrap import Rewrap
from tollway_secrets.schemas import AuditEntry, RewrapReport, RewrapRequest
from tollway_secrets.service import Credentials

_MAX_POSITION = 2**63 - 1


def maintenance_routes(credentials: Credentials, rewrap: Rewrap, gate: PeopleGate) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["maintenance"])
    writer = Annotated[Person, Depends(gate.allow(Role.ADMIN))]
    reader = Depends(gate.allow(Role.ADMIN, Role.AUDITOR))

    @router.post("/v1/workspaces/{workspace}/rewrap", responses=problems(400, 413, 422))
    async def rewrap_credentials(
        workspace: Name,
        person: writer,
        body: RewrapRequest | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> RewrapReport:
        """Bring all ciphertexts to the newest version of the workspace's key, unseen.

        With `rotate` the key gets a new version first. What was cut short continues when it is
        sent again; the material and its `version` stay what they are.
        """
        rotate = body is not None and body.rotate
        write = await guarded_write(
            workspace, person, idempotency_key, "rewrap", "rotate" if rotate else ""
        )
        return await rewrap.run(write, rotate=rotate)

    @router.get("/v1/workspaces/{workspace}/audit", dependencies=[reader], responses=problems(422))
    async def list_audit(
        workspace: Name, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Page[AuditEntry]:
        """List who did what to which credential, newest first; reads of material are in it."""
        return await credentials.audit_entries(workspace, before=_position_in(cursor), limit=limit)

    return router


def _position_in(cursor: str | None) -> int | None:
    key = read_cursor(cursor)
    if key is None:
        return None
    if not (key[0].isascii() and key[0].isdecimal() and len(key[0]) < 20):
        msg = "cursor: not one that this list has given out; start without it."
        raise Invalid(msg)
    return min(int(key[0]), _MAX_POSITION)

"""The history of a workspace's resources."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from tollway_contracts.http import Page
from tollway_contracts.vocabulary import MODEL_NAME_PATTERN, Role
from tollway_kit.auth import PeopleGate
from tollway_kit.errors import Invalid
from tollway_registry.api import answers
from tollway_registry.api.documents import problems
from tollway_registry.api.parameters import FIRST_PAGE, Cursor, Limit, Workspace, after_cursor
from tollway_registry.history import Filter
from tollway_registry.schemas import Change, ResourceWord
from tollway_registry.service import Registry


def change_routes(registry: Registry, gate: PeopleGate) -> APIRouter:
    """Return the operation that reads the history."""
    router = APIRouter(prefix="/v1/workspaces/{workspace}/changes", tags=["changes"])

    @router.get(
        "",
        operation_id="list_changes",
        summary="List who changed what, the latest first",
        response_model=Page[Change],
        dependencies=[Depends(gate.allow(Role.ADMIN, Role.AUDITOR))],
        responses=problems(404),
    )
    async def list_changes(
        workspace: Workspace,
        resource: ResourceWord | None = None,
        name: Annotated[str | None, Query(pattern=MODEL_NAME_PATTERN)] = None,
        limit: Limit = FIRST_PAGE,
        cursor: Cursor = None,
    ) -> Response:
        wanted = Filter(resource, name)
        return answers.page(await registry.changes(workspace, wanted, _position(cursor), limit))

    return router


def _position(cursor: str | None) -> int | None:
    after = after_cursor(cursor)
    if after is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", after, re.ASCII):
        msg = "cursor: not one that this list has given out; start without it."
        raise Invalid(msg)
    return int(after)

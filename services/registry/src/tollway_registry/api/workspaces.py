"""Workspaces themselves."""

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Request
from pydantic_core import to_json
from starlette.responses import Response

from tollway_contracts.http import Page
from tollway_contracts.resources import Workspace as WorkspaceResource
from tollway_contracts.vocabulary import Role
from tollway_kit.auth import EVERY_WORKSPACE, PeopleGate, Person
from tollway_registry.api import answers
from tollway_registry.api.bodies import Body, shaped
from tollway_registry.api.documents import (
    ETAG,
    LOCATION,
    REPLAYED,
    creation_of,
    patch_of,
    problems,
    success,
)
from tollway_registry.api.parameters import (
    FIRST_PAGE,
    Cursor,
    IdempotencyKey,
    IfMatch,
    Limit,
    Workspace,
    after_cursor,
    write_of,
)
from tollway_registry.api.resources import READERS, patched
from tollway_registry.kinds import WORKSPACE
from tollway_registry.schemas import NewWorkspace
from tollway_registry.service import Registry


def workspace_routes(registry: Registry, gate: PeopleGate) -> APIRouter:
    """Return the operations on workspaces."""
    router = APIRouter(prefix="/v1/workspaces", tags=["workspaces"])
    _add_reads(router, registry, gate)
    _add_writes(router, registry, gate)
    return router


def visible_to(person: Person) -> list[str] | None:
    """Return the workspaces in which a person may read, None for all."""
    allowed = frozenset(READERS)
    if person.may(EVERY_WORKSPACE, allowed):
        return None
    return [workspace for workspace in person.roles if person.may(workspace, allowed)]


def _add_reads(router: APIRouter, registry: Registry, gate: PeopleGate) -> None:
    @router.get(
        "",
        operation_id="list_workspaces",
        summary="List the workspaces that the caller may see, by name",
        response_model=Page[WorkspaceResource],
        responses=problems(),
    )
    async def list_visible(
        person: Annotated[Person, Depends(gate.known)],
        limit: Limit = FIRST_PAGE,
        cursor: Cursor = None,
    ) -> Response:
        after = after_cursor(cursor)
        return answers.page(await registry.workspaces(visible_to(person), after, limit))

    @router.get(
        "/{workspace}",
        operation_id="get_workspace",
        summary="Read one workspace",
        response_model=WorkspaceResource,
        dependencies=[Depends(gate.allow(*READERS))],
        responses=problems(404) | success(200, "The workspace.", ETAG),
    )
    async def get_one(workspace: Workspace) -> Response:
        return answers.found(await registry.get(WORKSPACE, workspace, workspace))


def _add_writes(router: APIRouter, registry: Registry, gate: PeopleGate) -> None:
    Admin: TypeAlias = Annotated[Person, Depends(gate.allow(Role.ADMIN))]

    @router.post(
        "",
        status_code=201,
        operation_id="create_workspace",
        summary="Create a workspace",
        description="Needs the role admin in `*`.",
        response_model=WorkspaceResource,
        responses=problems(409, 413) | success(201, "Created.", ETAG, LOCATION, REPLAYED),
        openapi_extra=creation_of(WORKSPACE),
    )
    async def create(
        request: Request, person: Admin, body: Body, key: IdempotencyKey = None
    ) -> Response:
        new = shaped(NewWorkspace, body)
        write = write_of(
            request, person, new.name, body=new.to_json(), key=key, scope=EVERY_WORKSPACE
        )
        return answers.created(WORKSPACE, new.name, await registry.create(WORKSPACE, new, write))

    @router.patch(
        "/{workspace}",
        operation_id="update_workspace",
        summary="Change a workspace by a JSON merge patch",
        response_model=WorkspaceResource,
        responses=problems(404, 412, 413) | success(200, "Changed.", ETAG, REPLAYED),
        openapi_extra=patch_of(WORKSPACE),
    )
    async def update(
        request: Request,
        person: Admin,
        body: Body,
        workspace: Workspace,
        if_match: IfMatch = None,
        key: IdempotencyKey = None,
    ) -> Response:
        write = write_of(request, person, workspace, body=to_json(body), if_match=if_match, key=key)
        revise = patched(WORKSPACE, body)
        return answers.changed(await registry.change(WORKSPACE, workspace, revise, write))

    @router.delete(
        "/{workspace}",
        status_code=204,
        operation_id="delete_workspace",
        summary="Delete an empty workspace",
        description="Its credentials lie in another service and are not looked at.",
        responses=problems(404, 409, 412) | success(204, "Deleted.", REPLAYED),
    )
    async def delete(
        request: Request,
        person: Admin,
        workspace: Workspace,
        if_match: IfMatch = None,
        key: IdempotencyKey = None,
    ) -> Response:
        write = write_of(request, person, workspace, if_match=if_match, key=key)
        return answers.deleted(replayed=await registry.delete(WORKSPACE, workspace, write))

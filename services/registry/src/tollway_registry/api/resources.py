"""The same five operations for every kind of resource that lies in a workspace."""

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Path, Request
from pydantic_core import to_json
from starlette.responses import Response

from tollway_contracts.vocabulary import Role
from tollway_contracts.wire import Wire
from tollway_kit.auth import PeopleGate, Person
from tollway_registry.api import answers
from tollway_registry.api.bodies import Body, Object, refused, shaped
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
from tollway_registry.kinds import Kind
from tollway_registry.merge import merged
from tollway_registry.service import Registry, Revise

READERS = (Role.ADMIN, Role.MEMBER, Role.FINANCE, Role.AUDITOR)


def resource_routes(kind: Kind, registry: Registry, gate: PeopleGate) -> APIRouter:
    """Return the operations on one kind."""
    router = APIRouter(prefix=f"/v1/workspaces/{{workspace}}/{kind.segment}", tags=[kind.segment])
    _add_reads(router, kind, registry, gate)
    _add_creation(router, kind, registry, gate)
    _add_changes(router, kind, registry, gate)
    return router


def _add_reads(router: APIRouter, kind: Kind, registry: Registry, gate: PeopleGate) -> None:
    may_read = [Depends(gate.allow(*READERS))]
    Name: TypeAlias = Annotated[str, Path(pattern=kind.name_pattern)]

    @router.get(
        "",
        operation_id=f"list_{kind.segment}",
        summary=f"List {kind.segment} by name",
        response_model=kind.page,
        dependencies=may_read,
        responses=problems(404),
    )
    async def list_all(
        workspace: Workspace, limit: Limit = FIRST_PAGE, cursor: Cursor = None
    ) -> Response:
        after = after_cursor(cursor)
        return answers.page(await registry.page(kind, workspace, after, limit))

    @router.get(
        _one(kind),
        operation_id=f"get_{kind.word}",
        summary=f"Read one of the {kind.segment}",
        response_model=kind.view,
        dependencies=may_read,
        responses=problems(404) | success(200, "The resource.", ETAG),
    )
    async def get_one(workspace: Workspace, name: Name) -> Response:
        return answers.found(await registry.get(kind, workspace, name))


def _add_creation(router: APIRouter, kind: Kind, registry: Registry, gate: PeopleGate) -> None:
    Admin: TypeAlias = Annotated[Person, Depends(gate.allow(Role.ADMIN))]

    @router.post(
        "",
        status_code=201,
        operation_id=f"create_{kind.word}",
        summary=f"Add one to the {kind.segment}",
        description=kind.remarks,
        response_model=kind.created,
        responses=problems(404, 409, 413) | success(201, "Created.", ETAG, LOCATION, REPLAYED),
        openapi_extra=creation_of(kind),
    )
    async def create(
        request: Request,
        person: Admin,
        body: Body,
        workspace: Workspace,
        key: IdempotencyKey = None,
    ) -> Response:
        new = shaped(kind.new, body)
        write = write_of(request, person, workspace, body=new.to_json(), key=key)
        written = await registry.create(kind, new, write)
        return answers.created(kind, new.name, written)


def _add_changes(router: APIRouter, kind: Kind, registry: Registry, gate: PeopleGate) -> None:
    Admin: TypeAlias = Annotated[Person, Depends(gate.allow(Role.ADMIN))]
    Name: TypeAlias = Annotated[str, Path(pattern=kind.name_pattern)]

    @router.patch(
        _one(kind),
        operation_id=f"update_{kind.word}",
        summary=f"Change one of the {kind.segment} by a JSON merge patch",
        description="Null takes a field back to its default. What changes nothing is no revision.",
        response_model=kind.view,
        responses=problems(404, 409, 412, 413) | success(200, "Changed.", ETAG, REPLAYED),
        openapi_extra=patch_of(kind),
    )
    async def update(
        request: Request,
        person: Admin,
        body: Body,
        workspace: Workspace,
        name: Name,
        if_match: IfMatch = None,
        key: IdempotencyKey = None,
    ) -> Response:
        patch = to_json(body)
        write = write_of(request, person, workspace, body=patch, if_match=if_match, key=key)
        return answers.changed(await registry.change(kind, name, patched(kind, body), write))

    @router.delete(
        _one(kind),
        status_code=204,
        operation_id=f"delete_{kind.word}",
        summary=f"Delete one of the {kind.segment}",
        responses=problems(404, 409, 412) | success(204, "Deleted.", REPLAYED),
    )
    async def delete(
        request: Request,
        person: Admin,
        workspace: Workspace,
        name: Name,
        if_match: IfMatch = None,
        key: IdempotencyKey = None,
    ) -> Response:
        write = write_of(request, person, workspace, if_match=if_match, key=key)
        return answers.deleted(replayed=await registry.delete(kind, name, write))


def patched(kind: Kind, patch: Object) -> Revise:
    """Return what applies a merge patch to a specification. Raises RequestValidationError."""
    if "name" in patch:
        raise refused("never changes; make a new resource", "name")

    def revise(spec: Wire) -> Wire:
        return shaped(kind.spec, merged(spec, patch, kind.spec))

    return revise


def _one(kind: Kind) -> str:
    # A model's name may contain slashes.
    return "/{name:path}" if "/" in kind.name_pattern else "/{name}"

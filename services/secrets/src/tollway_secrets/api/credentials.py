"""Credentials as people see and write them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from tollway_contracts.http import Credential, Page
from tollway_contracts.vocabulary import Name, Role
from tollway_kit.auth import PeopleGate, Person
from tollway_kit.paging import DEFAULT_LIMIT, MAX_LIMIT, read_cursor
from tollway_kit.revisions import etag
from tollway_secrets.api.headers import IdempotencyKey, IfMatch, guarded_write
from tollway_secrets.api.problems import problems
from tollway_secrets.schemas import CredentialPatch, CredentialSpec
from tollway_secrets.service import Credentials

PATH = "/v1/workspaces/{workspace}/credentials"

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(description="`next` of the page before.")]

_ETAG = {"ETag": {"description": "The revision.", "schema": {"type": "string"}}}
_LOCATION = {
    "Location": {
        "description": "Where it is.",
        "schema": {"type": "string", "format": "uri-reference"},
    }
}


def credential_routes(credentials: Credentials, gate: PeopleGate) -> APIRouter:
    """Return the routes: admins write, admins and auditors read."""
    router = APIRouter(tags=["credentials"])
    writer = Annotated[Person, Depends(gate.allow(Role.ADMIN))]
    reader = Depends(gate.allow(Role.ADMIN, Role.AUDITOR))

    @router.post(
        PATH,
        status_code=201,
        response_model=Credential,
        responses={
            201: {"headers": {**_ETAG, **_LOCATION}, "description": "Created."},
            **problems(400, 409, 413, 422),
        },
    )
    async def create_credential(
        workspace: Name,
        body: CredentialSpec,
        person: writer,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Store a credential, encrypted. Its secrets are never shown again, only hints of them."""
        request = ("create", body.name, body.type)
        write = await guarded_write(workspace, person, idempotency_key, *request, data=body.data)
        created = await credentials.create(write, body)
        location = f"{PATH.format(workspace=workspace)}/{created.name}"
        return _answer(created, status=201, headers={"location": location})

    @router.get(PATH, dependencies=[reader], responses=problems(422))
    async def list_credentials(
        workspace: Name, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Page[Credential]:
        """List the workspace's credentials by name."""
        return await credentials.page(workspace, after=_name_in(cursor), limit=limit)

    @router.get(
        PATH + "/{name}",
        dependencies=[reader],
        response_model=Credential,
        responses={200: {"headers": _ETAG}, **problems(404, 422)},
    )
    async def get_credential(workspace: Name, name: Name) -> Response:
        """Read one credential."""
        return _answer(await credentials.get(workspace, name))

    @router.patch(
        PATH + "/{name}",
        response_model=Credential,
        responses={200: {"headers": _ETAG}, **problems(400, 404, 409, 412, 413, 422)},
    )
    async def rotate_credential(
        workspace: Name,
        name: Name,
        body: CredentialPatch,
        person: writer,
        idempotency_key: IdempotencyKey = None,
        if_match: IfMatch = None,
    ) -> Response:
        """Rotate a credential to other data; its `version` counts up and routers fetch it anew.

        A missing or empty field keeps what is there, null removes an optional one. A field of
        another form (`bearer_token` beside an AWS key pair) replaces the form that was there.
        """
        write = await guarded_write(
            workspace, person, idempotency_key, "rotate", name, data=body.data, if_match=if_match
        )
        return _answer(await credentials.rotate(write, name, body))

    @router.delete(
        PATH + "/{name}", status_code=204, responses=problems(404, 412, 422), response_model=None
    )
    async def delete_credential(
        workspace: Name,
        name: Name,
        person: writer,
        idempotency_key: IdempotencyKey = None,
        if_match: IfMatch = None,
    ) -> Response:
        """Delete a credential and its ciphertext. Routers drop what they hold of it."""
        write = await guarded_write(
            workspace, person, idempotency_key, "delete", name, if_match=if_match
        )
        await credentials.delete(write, name)
        return Response(status_code=204)

    return router


def _answer(
    credential: Credential, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        credential.to_json(),
        status,
        {"etag": etag(credential.revision), **(headers or {})},
        media_type="application/json",
    )


def _name_in(cursor: str | None) -> str | None:
    key = read_cursor(cursor)
    return None if key is None else key[0]

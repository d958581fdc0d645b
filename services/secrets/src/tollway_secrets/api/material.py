"""Material: the only place where a secret leaves this service, to a router and to nobody else."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from tollway_contracts.http import CredentialMaterial
from tollway_contracts.vocabulary import Name
from tollway_kit.auth import ServiceGate
from tollway_secrets.api.credentials import PATH
from tollway_secrets.api.problems import problems
from tollway_secrets.audit import Actor
from tollway_secrets.service import Credentials

_NO_STORE = {"cache-control": "no-store"}


def material_routes(credentials: Credentials, gate: ServiceGate, router_subject: str) -> APIRouter:
    """Return the route. A person's token does not open it, whatever the person's roles."""
    router = APIRouter(tags=["material"])
    caller = Annotated[str, Depends(gate.allow(router_subject))]

    @router.post(
        PATH + "/{name}/material",
        response_model=CredentialMaterial,
        responses=problems(404, 409, 422),
    )
    async def read_material(
        workspace: Name,
        name: Name,
        subject: caller,
    ) -> Response:
        """Hand a credential's secrets to a router. It is recorded; nothing may store the answer."""
        material = await credentials.material(workspace, name, Actor(subject, "service"))
        return Response(material.to_json(), headers=_NO_STORE, media_type="application/json")

    return router

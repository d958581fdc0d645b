"""Resources as HTTP answers."""

from typing import Any
from urllib.parse import quote

from starlette.responses import JSONResponse, Response

from tollway_contracts.resources import Resource
from tollway_kit.paging import write_cursor
from tollway_kit.revisions import etag
from tollway_registry.kinds import API_KEY, WORKSPACE, Kind
from tollway_registry.service import Listed, Written

JSON = "application/json"
REPLAYED = {"idempotency-replayed": "true"}


def found(resource: Resource) -> Response:
    """Answer a read."""
    return Response(resource.to_json(), headers=_revision(resource), media_type=JSON)


def created(kind: Kind, name: str, written: Written) -> Response:
    """Answer a creation."""
    headers = {**_revision(written.resource), "location": _address(kind, written.resource, name)}
    if kind is API_KEY:
        headers["cache-control"] = "no-store"
    return _written(written, headers, 201)


def changed(written: Written) -> Response:
    """Answer an update."""
    return _written(written, _revision(written.resource), 200)


def deleted(*, replayed: bool) -> Response:
    """Answer a deletion."""
    return Response(status_code=204, headers=REPLAYED if replayed else None)


def page(listed: Listed[Any]) -> Response:
    """Answer a list."""
    cursor = None if listed.last is None else write_cursor(listed.last)
    return JSONResponse({"items": [item.to_dict() for item in listed.items], "next": cursor})


def _written(written: Written, headers: dict[str, str], status: int) -> Response:
    if written.replayed:
        headers |= REPLAYED
    return Response(written.resource.to_json(), status, headers, media_type=JSON)


def _revision(resource: Resource) -> dict[str, str]:
    return {"etag": etag(resource.revision)}


def _address(kind: Kind, resource: Resource, name: str) -> str:
    workspace = f"/v1/workspaces/{resource.workspace}"
    return workspace if kind is WORKSPACE else f"{workspace}/{kind.segment}/{quote(name, safe='')}"

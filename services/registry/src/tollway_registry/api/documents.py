"""What the OpenAPI document says beyond what FastAPI finds out by itself.

Bodies are read by hand (see `bodies`), so their schemas are added here: those of creations as they
are, those of updates with every field optional and nullable, as a merge patch has them.
"""

from typing import Any

from fastapi import FastAPI
from pydantic import JsonValue

from tollway_contracts.http import Problem
from tollway_kit.errors import PROBLEM_TYPE
from tollway_registry.kinds import KINDS, Kind

Schema = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]

MEANINGS = {
    401: "No token, or one that does not hold.",
    403: "The caller has no role in this workspace that allows it.",
    404: "There is no such workspace or resource.",
    409: "Exists already (`already_exists`), is still needed (`in_use`), or is not allowed here.",
    412: "The resource has another revision than `If-Match` says (`stale_revision`).",
    413: "The body is too large (`too_large`).",
    422: "The request makes no sense; `errors` names the fields.",
    503: "The database or the token issuer does not answer; try again.",
}
ETAG = {"ETag": {"description": "The revision.", "schema": {"type": "string"}}}
REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` where an earlier request with this `Idempotency-Key` was answered.",
        "schema": {"type": "string"},
    }
}
LOCATION = {
    "Location": {"description": "The new resource's address.", "schema": {"type": "string"}}
}


class DocumentedApi(FastAPI):
    """An application whose OpenAPI document has the schemas of bodies and of problems."""

    def openapi(self) -> Schema:
        """Return the document."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["schemas"].update(_schemas())
        return super().openapi()


def problems(*statuses: int) -> Responses:
    """Describe the problem documents that an operation answers with."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": MEANINGS[status], "content": {PROBLEM_TYPE: {"schema": schema}}}
        for status in (401, 403, *statuses, 422, 503)
    }


def success(status: int, description: str, *headers: Schema) -> Responses:
    """Describe an operation's success."""
    named = {name: header for group in headers for name, header in group.items()}
    return {status: {"description": description, "headers": named}}


def creation_of(kind: Kind) -> Schema:
    """Describe the body of a creation."""
    return _body(kind.new.__name__, "application/json")


def patch_of(kind: Kind) -> Schema:
    """Describe the body of an update."""
    return _body(_patch_name(kind), "application/merge-patch+json", "application/json")


def _body(name: str, *types: str) -> Schema:
    schema = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    return {"requestBody": {"required": True, "content": dict.fromkeys(types, schema)}}


def _schemas() -> Schema:
    creations = {kind.new.__name__: _inlined(kind.new.model_json_schema()) for kind in KINDS}
    patches = {_patch_name(kind): _patch_schema(kind) for kind in KINDS}
    problem = _inlined(Problem.model_json_schema(mode="serialization"))
    return {**creations, **patches, "Problem": problem}


def _patch_name(kind: Kind) -> str:
    return f"{kind.view.__name__}Patch"


def _patch_schema(kind: Kind) -> Schema:
    schema = _inlined(kind.spec.model_json_schema())
    required = schema.get("required", ())
    fields = {
        name: field if name in required else _optional(field)
        for name, field in schema["properties"].items()
        if kind.changeable is None or name in kind.changeable
    }
    return {
        "title": _patch_name(kind),
        "description": f"A JSON merge patch (RFC 7396) of a {kind.word}; null takes a field back.",
        "type": "object",
        "properties": fields,
        "additionalProperties": False,
    }


def _optional(field: Schema) -> Schema:
    schema = {key: value for key, value in field.items() if key not in {"default", "title"}}
    if {"type": "null"} in schema.get("anyOf", ()):
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def _inlined(schema: Schema) -> Schema:
    """Return a schema without references, so that it stands alone under its name."""
    definitions = schema.pop("$defs", {})

    def resolve(node: JsonValue) -> Any:
        if isinstance(node, list):
            return [resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        target = node.get("$ref")
        beside = {key: resolve(value) for key, value in node.items() if key != "$ref"}
        if not isinstance(target, str):
            return beside
        return {**resolve(definitions[target.rpartition("/")[2]]), **beside}

    result: Schema = resolve(schema)
    return result

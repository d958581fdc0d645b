"""The service around the resources: health, documents, a database that is away."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from tollway_contracts.http import CreatedApiKey, Page
from tollway_contracts.resources import Deployment, Model, Price, Provider
from tollway_registry.app import create_app
from tollway_registry.settings import Settings


async def test_health_is_told_to_everyone(people: Any) -> None:
    assert (await people.client.get("/livez")).json() == {"status": "alive"}
    ready = await people.client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"]["database"]["ok"] is True
    assert (await people.client.get("/metrics")).status_code == 200


async def test_a_database_that_is_away_is_a_503_and_not_ready(
    settings: Settings, run_app: Any, tokens: Any
) -> None:
    url = "postgresql+psycopg://nobody:secret-word@127.0.0.1:1/none"
    away = Settings(**{**settings.model_dump(), "database_url": url})
    headers = {"authorization": f"Bearer {tokens.person({'*': ['admin']})}"}
    async with run_app(create_app(away)) as client:
        for answer in (
            await client.get("/v1/workspaces/acme/models", headers=headers),
            await client.post("/v1/workspaces", json={"name": "acme"}, headers=headers),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert answer.headers["retry-after"] == "1"
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert "secret-word" not in ready.text


@pytest.fixture(scope="session")
async def openapi(people: Any) -> dict[str, Any]:
    document: dict[str, Any] = (await people.client.get("/openapi.json")).json()
    return document


def _body(operation: dict[str, Any], media_type: str = "application/json") -> str:
    reference: str = operation["requestBody"]["content"][media_type]["schema"]["$ref"]
    return reference.rpartition("/")[2]


def _answer(operation: dict[str, Any], status: str) -> str:
    content = operation["responses"][status]["content"]["application/json"]
    reference: str = content["schema"]["$ref"]
    return reference.rpartition("/")[2]


@pytest.mark.parametrize(
    ("segment", "kind"),
    [
        ("providers", "Provider"),
        ("models", "Model"),
        ("deployments", "Deployment"),
        ("prices", "Price"),
        ("keys", "ApiKey"),
    ],
)
async def test_the_openapi_document_shows_each_kinds_own_types(
    openapi: dict[str, Any], segment: str, kind: str
) -> None:
    many = openapi["paths"][f"/v1/workspaces/{{workspace}}/{segment}"]
    one = openapi["paths"][f"/v1/workspaces/{{workspace}}/{segment}/{{name}}"]
    created = "CreatedApiKey" if kind == "ApiKey" else kind
    assert _body(many["post"]) == f"New{kind}"
    assert _answer(many["post"], "201") == created
    assert _answer(many["get"], "200") == f"Page_{kind}_"
    assert _answer(one["get"], "200") == kind
    assert _body(one["patch"], "application/merge-patch+json") == f"{kind}Patch"
    schemas = openapi["components"]["schemas"]
    assert "name" in schemas[f"New{kind}"]["required"]
    assert "required" not in schemas[f"{kind}Patch"]


async def test_a_patch_takes_back_only_what_has_a_default(openapi: dict[str, Any]) -> None:
    patch = openapi["components"]["schemas"]["ProviderPatch"]["properties"]
    assert "anyOf" not in patch["spec"]
    assert {"type": "null"} in patch["headers"]["anyOf"]


async def test_a_price_patch_shows_only_what_may_change(openapi: dict[str, Any]) -> None:
    assert set(openapi["components"]["schemas"]["PricePatch"]["properties"]) == {"note", "valid_to"}


async def test_every_reference_in_the_openapi_document_leads_somewhere(
    openapi: dict[str, Any],
) -> None:
    known = {f"#/components/schemas/{name}" for name in openapi["components"]["schemas"]}

    def references(node: Any) -> set[str]:
        if isinstance(node, list):
            return set().union(*(references(item) for item in node))
        if not isinstance(node, dict):
            return set()
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(item) for item in node.values()))

    assert references(openapi) <= known


async def test_every_operation_documents_its_problems_and_its_token(
    openapi: dict[str, Any],
) -> None:
    for path, operations in openapi["paths"].items():
        if not path.startswith("/v1/"):
            continue
        for operation in operations.values():
            assert operation["security"] == [{"HTTPBearer": []}]
            for status in ("401", "403", "422", "503"):
                assert "application/problem+json" in operation["responses"][status]["content"]


async def test_a_method_that_an_address_does_not_take_is_answered_with_those_it_does(
    admin: Any,
) -> None:
    for path, methods in (
        ("", "DELETE, GET, PATCH"),
        ("/models", "GET, POST"),
        ("/models/chat", "DELETE, GET, PATCH"),
        ("/changes", "GET"),
    ):
        answer = await admin.send("PUT", path, {})
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


async def test_answers_have_the_shape_of_the_contracts(admin: Any, bodies: dict[str, Any]) -> None:
    await admin.fill("prices")
    for segment, view in (
        ("providers", Provider),
        ("models", Model),
        ("deployments", Deployment),
        ("prices", Price),
    ):
        page = TypeAdapter(Page[view]).validate_python((await admin.get(f"/{segment}")).json())
        assert page.items[0].name == bodies[segment]["name"]
    CreatedApiKey.model_validate(await admin.made("/keys", bodies["keys"]))


async def test_the_asyncapi_document_names_the_topics(people: Any) -> None:
    document = (await people.client.get("/asyncapi.json")).json()
    assert document["asyncapi"] == "3.0.0"
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == {"tollway.models.v1", "tollway.apikeys.v1"}
    assert {operation["action"] for operation in document["operations"].values()} == {"send"}
    assert {"ResourceChanged", "ApiKeyChanged"} <= set(document["components"]["schemas"])

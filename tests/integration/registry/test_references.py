"""What resources need of each other: in the answers, and in the database itself."""

from typing import Any

import psycopg
import pytest

from tollway_registry.settings import Settings


async def test_an_unknown_reference_is_refused_and_named(
    admin: Any, bodies: dict[str, Any]
) -> None:
    await admin.fill("deployments")
    wrong = [
        ("/models", {"name": "m", "fallbacks": ["house-chat", "gone"]}, "fallbacks", "gone"),
        ("/deployments", {**bodies["deployments"], "model": "gone"}, "model", "gone"),
        ("/deployments", {**bodies["deployments"], "provider": "gone"}, "provider", "gone"),
        ("/prices", {**bodies["prices"], "model": "gone"}, "model", "gone"),
        ("/prices", {**bodies["prices"], "deployment": "gone"}, "deployment", "gone"),
        ("/keys", {"name": "k", "models": ["gone", "house-chat"]}, "models", "gone"),
    ]
    for path, body, field, name in wrong:
        answer = await admin.post(path, {**body, "name": "new"})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_reference"), path
        assert field in answer.json()["detail"]
        assert name in answer.json()["detail"]
    patched = await admin.patch("/deployments/house-chat-a", {"provider": "gone"})
    assert (patched.status_code, patched.json()["code"]) == (422, "unknown_reference")


@pytest.mark.parametrize(
    ("path", "needed_by"),
    [
        ("/providers/house", "deployment house-chat-a"),
        ("/models/house-chat", "deployment house-chat-a"),
        ("/models/house-chat", "price house-chat-2026"),
        ("/models/house-chat", "api_key search"),
        ("/models/house-chat", "model with-fallback"),
        ("/deployments/house-chat-a", "price of-deployment"),
    ],
)
async def test_what_is_needed_is_kept(
    admin: Any, bodies: dict[str, Any], path: str, needed_by: str
) -> None:
    await admin.fill()
    await admin.made("/models", {"name": "with-fallback", "fallbacks": ["house-chat"]})
    special = {**bodies["prices"], "name": "of-deployment", "deployment": "house-chat-a"}
    await admin.made("/prices", special)
    answer = await admin.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert needed_by in answer.json()["detail"]
    assert (await admin.get(path)).status_code == 200


async def test_once_nothing_needs_it_a_resource_can_go(admin: Any, bodies: dict[str, Any]) -> None:
    await admin.fill()
    for segment, body in reversed(bodies.items()):
        assert (await admin.delete(f"/{segment}/{body['name']}")).status_code == 204


async def test_fallbacks_never_go_in_a_circle(admin: Any) -> None:
    await admin.made("/models", {"name": "a"})
    await admin.made("/models", {"name": "b", "fallbacks": ["a"]})
    await admin.made("/models", {"name": "c", "fallbacks": ["b", "a"]})
    for path, fallbacks in (("/models/a", ["c"]), ("/models/a", ["a"]), ("/models/b", ["a", "a"])):
        answer = await admin.patch(path, {"fallbacks": fallbacks})
        assert answer.status_code == 422, fallbacks
    circle = await admin.patch("/models/a", {"fallbacks": ["c"]})
    assert "a -> c" in circle.json()["detail"]
    itself = await admin.post("/models", {"name": "d", "fallbacks": ["d"]})
    assert itself.status_code == 422


async def test_a_deployments_price_is_one_of_the_model_it_serves(
    admin: Any, bodies: dict[str, Any]
) -> None:
    await admin.fill("deployments")
    await admin.made("/models", {"name": "other"})
    price = {**bodies["prices"], "deployment": "house-chat-a"}
    mismatch = await admin.post("/prices", {**price, "model": "other"})
    assert (mismatch.status_code, mismatch.json()["code"]) == (422, "invalid")
    await admin.made("/prices", price)
    moved = await admin.patch("/deployments/house-chat-a", {"model": "other"})
    assert (moved.status_code, moved.json()["code"]) == (409, "in_use")
    await admin.delete(f"/prices/{price['name']}")
    moved = await admin.patch("/deployments/house-chat-a", {"model": "other"})
    assert moved.json()["model"] == "other"


async def test_the_database_itself_refuses_what_would_break_a_reference(
    admin: Any, bodies: dict[str, Any], settings: Settings
) -> None:
    await admin.fill()
    special = {**bodies["prices"], "name": "of-deployment", "deployment": "house-chat-a"}
    await admin.made("/prices", special)
    url = str(settings.database_url).replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (
            "DELETE FROM workspace WHERE name = %s",
            "DELETE FROM provider WHERE workspace = %s",
            "DELETE FROM model WHERE workspace = %s",
            "DELETE FROM deployment WHERE workspace = %s",
            "UPDATE deployment SET model = 'gone' WHERE workspace = %s",
            "UPDATE price SET deployment = 'gone' WHERE workspace = %s",
            "UPDATE api_key SET workspace = 'gone' WHERE workspace = %s",
        ):
            with pytest.raises(psycopg.errors.IntegrityError):
                connection.execute(statement, [admin.workspace])

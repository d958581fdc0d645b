"""API keys: shown once, kept as a digest."""

import hashlib
import re
from typing import Any

import psycopg

from tollway_registry.settings import Settings


async def test_a_key_is_shown_at_its_creation_only(admin: Any) -> None:
    answer = await admin.post("/keys", {"name": "search"})
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert re.fullmatch(r"tw_[A-Za-z0-9_-]{43}", made["key"])
    assert made["hint"] == made["key"][-4:]
    for later in (
        await admin.get("/keys/search"),
        await admin.patch("/keys/search", {"disabled": True}),
    ):
        assert "key" not in later.json()
        assert "sha256" not in later.json()
        assert later.json()["hint"] == made["hint"]


async def test_two_keys_differ(admin: Any) -> None:
    first, second = [await admin.made("/keys", {"name": name}) for name in ("a", "b")]
    assert first["key"] != second["key"]


async def test_nothing_stored_has_the_key(admin: Any, settings: Settings) -> None:
    answer = await admin.post("/keys", {"name": "search"}, idempotency_key="once")
    key = answer.json()["key"]
    url = str(settings.database_url).replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        dump = [
            str(row)
            for (table,) in tables
            for row in connection.execute(f'SELECT t::text FROM "{table}" t')
        ]
    hexed = key.encode().hex()
    assert not [row for row in dump if key in row or hexed in row]
    digest = hashlib.sha256(key.encode()).hexdigest()
    assert [row for row in dump if digest in row]


async def test_a_replayed_creation_shows_no_key_again(admin: Any) -> None:
    body = {"name": "search", "tags": {"team": "search"}}
    first = await admin.post("/keys", body, idempotency_key="once")
    again = await admin.post("/keys", body, idempotency_key="once")
    assert again.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.json() == {**first.json(), "key": None}
    for header in ("etag", "location", "cache-control"):
        assert again.headers[header] == first.headers[header]


async def test_a_key_changes_in_every_field(admin: Any) -> None:
    await admin.made("/models", {"name": "chat"})
    await admin.made("/keys", {"name": "search"})
    patch = {
        "models": ["chat"],
        "cost_centre": "CC-4711",
        "tags": {"team": "search"},
        "limits": {"requestsPerMinute": 60, "tokensPerMinute": 1000},
        "expires_at": "2030-01-01T00:00:00Z",
        "disabled": True,
    }
    changed = (await admin.patch("/keys/search", patch)).json()
    limits = {"requests_per_minute": 60, "tokens_per_minute": 1000}
    assert changed.items() >= ({**patch, "limits": limits}).items()
    eased = (await admin.patch("/keys/search", {"limits": {"tokens_per_minute": None}})).json()
    assert eased["limits"] == {"requests_per_minute": 60, "tokens_per_minute": None}

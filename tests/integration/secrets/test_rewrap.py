"""Rewrapping: all ciphertexts to the newest version of the workspace's key."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tollway_secrets import rewrap as rewrap_module


@pytest.fixture(scope="session")
def database(settings: Any) -> Any:
    engine = create_engine(str(settings.database_url))
    yield engine
    engine.dispose()


def rows(database: Any, workspace: str) -> dict[str, tuple[str, int]]:
    with database.connect() as connection:
        found = connection.execute(
            text("SELECT name, ciphertext, key_version FROM credential WHERE workspace = :w"),
            {"w": workspace},
        )
        return {name: (ciphertext, version) for name, ciphertext, version in found}


async def rewrap(api: Any, workspace: str, **options: Any) -> dict[str, Any]:
    answer = await api.call("POST", f"{workspace}/rewrap", api.admin(workspace), **options)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


async def test_a_workspace_without_credentials_has_nothing_to_rewrap(
    api: Any, workspace: str
) -> None:
    report = await rewrap(api, workspace, json={"rotate": True})
    assert report == {"key_version": None, "rewrapped": 0, "current": 0, "unreadable": []}


async def test_current_ciphertexts_stay(api: Any, workspace: str, database: Any) -> None:
    await api.create(workspace)
    before = rows(database, workspace)
    report = await rewrap(api, workspace)
    assert report == {"key_version": 1, "rewrapped": 0, "current": 1, "unreadable": []}
    assert rows(database, workspace) == before


async def test_a_rotated_key_rewraps_all_and_changes_no_material(
    api: Any, workspace: str, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrap_module, "BATCH", 3)
    for number in range(7):
        await api.create(workspace, f"key-{number}")
    before = rows(database, workspace)
    report = await rewrap(api, workspace, json={"rotate": True})
    assert report == {"key_version": 2, "rewrapped": 7, "current": 0, "unreadable": []}
    after = rows(database, workspace)
    for name, (ciphertext, version) in after.items():
        assert ciphertext.startswith("vault:v2:")
        assert version == 2
        assert ciphertext != before[name][0]
        material = (await api.material(workspace, name)).json()
        assert (material["version"], material["data"]) == (1, {"api_key": f"sk-{name}"})
    again = await rewrap(api, workspace, json={})
    assert again == {"key_version": 2, "rewrapped": 0, "current": 7, "unreadable": []}


async def test_new_credentials_use_the_newest_version(
    api: Any, workspace: str, database: Any
) -> None:
    await api.create(workspace, "old")
    await rewrap(api, workspace, json={"rotate": True})
    await api.create(workspace, "new")
    assert rows(database, workspace)["new"][1] == 2


async def test_a_repeated_request_does_not_rotate_again(api: Any, workspace: str) -> None:
    await api.create(workspace)
    once = {"json": {"rotate": True}, "headers": {"idempotency-key": "monthly"}}
    assert (await rewrap(api, workspace, **once))["key_version"] == 2
    repeated = await rewrap(api, workspace, **once)
    assert repeated == {"key_version": 2, "rewrapped": 0, "current": 1, "unreadable": []}
    await rewrap(api, workspace, json={"rotate": True})
    assert (await rewrap(api, workspace, **once))["key_version"] == 3


async def test_rewraps_and_rotations_at_once_lose_nothing(
    api: Any, workspace: str, database: Any
) -> None:
    for number in range(6):
        await api.create(workspace, f"key-{number}")

    async def rotate(number: int) -> None:
        answer = await api.call(
            "PATCH",
            f"{workspace}/credentials/key-{number}",
            api.admin(workspace),
            json={"data": {"api_key": f"rotated-{number}"}},
        )
        assert answer.status_code == 200

    await asyncio.gather(
        *(rotate(number) for number in range(3)),
        *(rewrap(api, workspace, json={"rotate": True}) for _ in range(3)),
    )
    await rewrap(api, workspace)
    assert {version for _, version in rows(database, workspace).values()} == {4}
    for number in range(6):
        key = f"rotated-{number}" if number < 3 else f"sk-key-{number}"
        assert (await api.material(workspace, f"key-{number}")).json()["data"] == {"api_key": key}


async def test_a_rewrap_that_was_cut_short_continues(
    configure: Any,
    start: Any,
    own_vault: Any,
    vault_settings: Any,
    workspace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rewrap_module, "BATCH", 2)
    settings = configure(**vault_settings(own_vault))
    async with start(settings) as api:
        for number in range(6):
            await api.create(workspace, f"key-{number}")
        own_vault.root("POST", f"transit/keys/tollway-{workspace}/rotate")
        outdated = rewrap_module.Rewrap._outdated
        batches = 0

        async def then_sealed(*arguments: Any) -> Any:
            nonlocal batches
            batches += 1
            if batches == 3:
                own_vault.seal()
            return await outdated(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(rewrap_module.Rewrap, "_outdated", then_sealed)
            cut = await api.call("POST", f"{workspace}/rewrap", api.admin(workspace))
        assert (cut.status_code, cut.json()["code"]) == (503, "unavailable")
        own_vault.unseal()
        report = await rewrap(api, workspace)
        assert report == {"key_version": 2, "rewrapped": 2, "current": 4, "unreadable": []}

"""What stands in the database, and what Transit makes of it elsewhere."""

from typing import Any

import pytest
from sqlalchemy import create_engine, text


@pytest.fixture(scope="session")
def database(settings: Any) -> Any:
    engine = create_engine(str(settings.database_url))
    yield engine
    engine.dispose()


def ciphertext(database: Any, workspace: str, name: str = "key") -> str:
    with database.connect() as connection:
        found: str = connection.execute(
            text("SELECT ciphertext FROM credential WHERE workspace = :w AND name = :n"),
            {"w": workspace, "n": name},
        ).scalar_one()
    return found


def plant(database: Any, workspace: str, name: str, foreign: str) -> None:
    with database.begin() as connection:
        connection.execute(
            text("UPDATE credential SET ciphertext = :c WHERE workspace = :w AND name = :n"),
            {"c": foreign, "w": workspace, "n": name},
        )


async def test_the_same_secret_has_another_ciphertext_in_each_row(
    api: Any, workspace: str, database: Any
) -> None:
    for name in ("a", "b"):
        await api.create(workspace, name, data={"api_key": "same"})
    first, second = (ciphertext(database, workspace, name) for name in ("a", "b"))
    assert first.startswith("vault:v1:")
    assert first != second


async def test_a_ciphertext_in_another_row_does_not_open(
    api: Any, workspace: str, database: Any
) -> None:
    await api.create(workspace, "mine")
    await api.create(workspace, "victim", data={"api_key": "of the victim"})
    plant(database, workspace, "mine", ciphertext(database, workspace, "victim"))
    answer = await api.material(workspace, "mine")
    assert (answer.status_code, answer.json()["code"]) == (409, "unreadable")
    assert "of the victim" not in answer.text


async def test_a_ciphertext_in_another_workspace_does_not_open(
    api: Any, workspace: str, database: Any
) -> None:
    await api.create(workspace)
    await api.create(f"{workspace}-b")
    plant(database, f"{workspace}-b", "key", ciphertext(database, workspace))
    assert (await api.material(f"{workspace}-b")).status_code == 409


@pytest.mark.parametrize("damage", ["vault:v1:AAAA", "vault:v9:" + "A" * 60, "nothing", "x:y"])
async def test_a_damaged_ciphertext_is_reported_and_recorded(
    api: Any, workspace: str, database: Any, damage: str
) -> None:
    await api.create(workspace)
    plant(database, workspace, "key", damage)
    answer = await api.material(workspace)
    assert (answer.status_code, answer.json()["code"]) == (409, "unreadable")
    entries = await api.call("GET", f"{workspace}/audit", api.admin(workspace))
    newest = entries.json()["items"][0]
    assert (newest["action"], newest["outcome"]) == ("read-material", "unreadable")
    report = await api.call(
        "POST", f"{workspace}/rewrap", api.admin(workspace), json={"rotate": True}
    )
    assert report.json()["unreadable"] == ["key"]


async def test_a_rotation_to_a_whole_new_set_mends_what_does_not_open(
    api: Any, workspace: str, database: Any
) -> None:
    await api.create(workspace)
    plant(database, workspace, "key", "vault:v1:AAAA")
    answer = await api.call(
        "PATCH",
        f"{workspace}/credentials/key",
        api.admin(workspace),
        json={"data": {"api_key": "new"}},
    )
    assert answer.status_code == 200
    assert (await api.material(workspace)).json()["data"] == {"api_key": "new"}


async def test_a_rotation_that_builds_on_what_does_not_open_is_refused(
    api: Any, workspace: str, database: Any
) -> None:
    data = {"access_key_id": "AKIA1", "secret_access_key": "old"}
    await api.create(workspace, type="aws", data=data)
    plant(database, workspace, "key", "vault:v1:AAAA")
    answer = await api.call(
        "PATCH",
        f"{workspace}/credentials/key",
        api.admin(workspace),
        json={"data": {"secret_access_key": "new"}},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "unreadable")


async def test_a_key_that_is_not_derived_is_not_used(
    configure: Any, start: Any, shared_vault: Any, vault_settings: Any, workspace: str
) -> None:
    shared_vault.root("POST", f"transit/keys/tollway-{workspace}", type="aes256-gcm96")
    async with start(configure(**vault_settings(shared_vault))) as api:
        body = {"name": "key", "type": "api-key", "data": {"api_key": "k"}}
        answer = await api.call("POST", f"{workspace}/credentials", api.admin(workspace), json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        listed = await api.call("GET", f"{workspace}/credentials", api.admin(workspace))
        assert listed.json()["items"] == []

"""Vault sealed, gone, slow, or tired of the token: what needs it says so, the rest goes on."""

import asyncio
import time
from typing import Any

import pytest

BODY = {"name": "other", "type": "api-key", "data": {"api_key": "k"}}


async def assert_reads_go_on(api: Any, workspace: str) -> None:
    admin = api.admin(workspace)
    for path in ("credentials", "credentials/key", "audit"):
        assert (await api.call("GET", f"{workspace}/{path}", admin)).status_code == 200


async def assert_vault_is_missed(api: Any, workspace: str) -> None:
    admin = api.admin(workspace)
    answers = [
        await api.call("POST", f"{workspace}/credentials", admin, json=BODY),
        await api.call(
            "PATCH", f"{workspace}/credentials/key", admin, json={"data": {"api_key": "new"}}
        ),
        await api.material(workspace),
        await api.call("POST", f"{workspace}/rewrap", admin),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
        assert answer.headers["retry-after"]
        assert "sk-key" not in answer.text


async def readiness(api: Any) -> tuple[int, dict[str, Any]]:
    answer = await api.client.get("/readyz")
    return answer.status_code, answer.json()["checks"]["vault"]


async def test_a_sealed_vault_takes_away_only_what_needs_it(
    configure: Any, start: Any, own_vault: Any, vault_settings: Any, workspace: str
) -> None:
    async with start(configure(**vault_settings(own_vault))) as api:
        await api.create(workspace)
        own_vault.seal()
        await assert_vault_is_missed(api, workspace)
        await assert_reads_go_on(api, workspace)
        status, check = await readiness(api)
        assert (status, check["ok"], check["required"]) == (200, False, False)
        assert "sealed" in check["detail"]
        own_vault.unseal()
        assert (await api.material(workspace)).json()["data"] == {"api_key": "sk-key"}
        await api.create(workspace, "other")


async def test_without_vault_credentials_are_read_and_deleted(
    configure: Any, start: Any, own_vault: Any, vault_settings: Any, workspace: str
) -> None:
    async with start(configure(**vault_settings(own_vault))) as api:
        await api.create(workspace)
        own_vault.stop()
        await assert_vault_is_missed(api, workspace)
        await assert_reads_go_on(api, workspace)
        gone = await api.call("DELETE", f"{workspace}/credentials/key", api.admin(workspace))
        assert gone.status_code == 204


async def test_the_service_starts_without_vault(
    configure: Any, start: Any, own_vault: Any, vault_settings: Any, workspace: str
) -> None:
    own_vault.stop()
    async with start(configure(**vault_settings(own_vault))) as api:
        status, check = await readiness(api)
        assert (status, check["ok"]) == (200, False)
        answer = await api.call("GET", f"{workspace}/credentials", api.admin(workspace))
        assert answer.json() == {"items": [], "next": None}


async def test_writes_that_wait_for_a_silent_vault_leave_connections_to_reads(
    configure: Any, start: Any, shared_vault: Any, vault_settings: Any, workspace: str
) -> None:
    async with start(configure(**vault_settings(shared_vault))) as api:
        await api.create(workspace)

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = configure(
        vault_url=f"http://127.0.0.1:{port}",
        vault_token_file=shared_vault.token_file,
        vault_seconds=1.5,
        database_pool_size=4,
    )
    async with start(settings) as api:
        admin = api.admin(workspace)
        writes = [
            asyncio.create_task(
                api.call("POST", f"{workspace}/credentials", admin, json={**BODY, "name": f"k{n}"})
            )
            for n in range(6)
        ]
        await asyncio.sleep(0.3)
        started = time.monotonic()
        answer = await api.call("GET", f"{workspace}/credentials", admin)
        assert answer.status_code == 200
        assert time.monotonic() - started < 1
        assert {write.status_code for write in await asyncio.gather(*writes)} == {503}
    server.close()


async def test_an_expired_token_is_missed_until_the_file_has_another(
    configure: Any, start: Any, shared_vault: Any, tmp_path: Any, workspace: str
) -> None:
    file = tmp_path / "token"
    file.write_text(shared_vault.new_token(period="", ttl="3s", explicit_max_ttl="3s"))
    settings = configure(vault_url=shared_vault.url, vault_token_file=file)
    async with start(settings) as api:
        await api.create(workspace)
        await asyncio.sleep(3.5)
        await assert_vault_is_missed(api, workspace)
        await assert_reads_go_on(api, workspace)
        file.write_text(shared_vault.new_token() + "\n")
        assert await eventually(api, workspace) == {"api_key": "sk-key"}


async def eventually(api: Any, workspace: str) -> Any:
    async with asyncio.timeout(20):
        while (answer := await api.material(workspace)).status_code != 200:
            await asyncio.sleep(0.1)
    return answer.json()["data"]


@pytest.mark.parametrize("content", ["", "\n", "two\nlines", "\x00"])
async def test_a_file_without_a_token_is_reported(
    configure: Any, start: Any, shared_vault: Any, tmp_path: Any, workspace: str, content: str
) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    settings = configure(vault_url=shared_vault.url, vault_token_file=file)
    async with start(settings) as api:
        await asyncio.sleep(0.1)
        status, check = await readiness(api)
        assert (status, check["ok"]) == (200, False)
        assert "token" in check["detail"]
        answer = await api.call("POST", f"{workspace}/credentials", api.admin(workspace), json=BODY)
        assert answer.status_code == 503

"""The credential cache, against a secrets service that a test scripts."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tollway_contracts.events import CredentialChanged
from tollway_contracts.http import CredentialMaterial
from tollway_router import credentials
from tollway_router.canonical.failure import RequestRefused
from tollway_router.credentials import CredentialCache
from tollway_router.settings import RouterSettings

AT_ONCE_SECONDS = 0.2

Answer = Callable[[], Awaitable[web.Response]]


def material(version: int = 1) -> Answer:
    data = {"api_key": f"key-{version}"}
    body = CredentialMaterial(id="cred_1", version=version, type="api-key", data=data)

    async def answer() -> web.Response:
        return web.json_response(body.model_dump())

    return answer


def status(code: int) -> Answer:
    async def answer() -> web.Response:
        return web.Response(status=code)

    return answer


async def hang() -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


def held_back(answer: Answer) -> tuple[Answer, asyncio.Event, asyncio.Event]:
    """Return an answer, an event that says it was asked for, and one that lets it go."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def wait() -> web.Response:
        asked.set()
        await go.wait()
        return await answer()

    return wait, asked, go


def changed(version: int) -> CredentialChanged:
    return CredentialChanged(
        id="cred_1",
        workspace="acme",
        name="main",
        type="api-key",
        version=version,
        reason="rotated",
    )


class Secrets:
    """Answers by turns, the last answer for ever; `asked` counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers: list[Answer] = []

    async def handle(self, _: web.Request) -> web.Response:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer()

    def will(self, *answers: Answer) -> None:
        self.answers = list(answers)


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


Caching = Callable[..., AbstractAsyncContextManager[CredentialCache]]


@pytest.fixture
def caching(secrets: Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Caching:
    """Make caches in which what is held is due after `refresh` seconds."""
    monkeypatch.setattr(credentials, "TIMEOUT_SECONDS", 1.0)
    (tmp_path / "token").write_text("service-token")

    @asynccontextmanager
    async def cache(refresh: float = 300.0) -> AsyncIterator[CredentialCache]:
        app = web.Application()
        app.router.add_post("/v1/workspaces/acme/credentials/main/material", secrets.handle)
        runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        settings = RouterSettings(
            kafka_bootstrap_servers="127.0.0.1:9",
            secrets_url=f"http://127.0.0.1:{runner.addresses[0][1]}",
            secrets_token_file=tmp_path / "token",
            spool_dir=tmp_path,
            table_cache=tmp_path / "table.json",
            credential_refresh=refresh,
        )
        made = CredentialCache(settings)
        try:
            yield made
        finally:
            await made.close()
            await runner.cleanup()

    return cache


async def key(cache: CredentialCache) -> str:
    return (await cache.get("acme", "main"))["api_key"]


async def refused(cache: CredentialCache) -> RequestRefused:
    with pytest.raises(RequestRefused) as refusal:
        await cache.get("acme", "main")
    return refusal.value


async def asked_for(secrets: Secrets, times: int) -> None:
    async with asyncio.timeout(2):
        while secrets.asked < times:
            await asyncio.sleep(0.01)


async def test_a_provider_without_a_credential_needs_none(caching):
    async with caching() as cache:
        assert await cache.get("acme", None) == {}


async def test_a_credential_is_fetched_once_and_used_until_it_is_due(caching, secrets):
    secrets.will(material())
    async with caching() as cache:
        assert [await key(cache), await key(cache)] == ["key-1", "key-1"]
    assert secrets.asked == 1


async def test_what_is_due_is_refreshed_behind_the_requests(caching, secrets):
    secrets.will(material(1), material(2))
    async with caching(refresh=0.01) as cache:
        await key(cache)
        await asyncio.sleep(0.02)
        assert await key(cache) == "key-1"
        async with asyncio.timeout(2):
            while await key(cache) != "key-2":
                await asyncio.sleep(0.01)


async def test_a_service_that_hangs_stalls_nobody_who_holds_a_credential(caching, secrets):
    secrets.will(material(), hang)
    async with caching(refresh=0.01) as cache:
        await key(cache)
        await asyncio.sleep(0.02)
        began = time.monotonic()
        assert await asyncio.gather(*(key(cache) for _ in range(20))) == ["key-1"] * 20
        assert time.monotonic() - began < AT_ONCE_SECONDS
        await asyncio.sleep(credentials.TIMEOUT_SECONDS + 0.2)
        assert await key(cache) == "key-1"
    assert secrets.asked == 2  # and the failed refresh is followed by a pause


async def test_all_who_wait_share_one_fetch_and_its_failure(caching, secrets):
    secrets.will(hang)
    async with caching() as cache:
        began = time.monotonic()
        refusals = await asyncio.gather(*(refused(cache) for _ in range(10)))
        assert time.monotonic() - began < 1.5 * credentials.TIMEOUT_SECONDS
    assert {refusal.failure.code for refusal in refusals} == {"credential_unavailable"}
    assert secrets.asked == 1


async def test_a_fetch_is_bounded_as_a_whole(caching, secrets, monkeypatch):
    async def slow() -> web.Response:
        await asyncio.sleep(0.6 * credentials.TIMEOUT_SECONDS)
        return await material(1)()

    secrets.will(slow)
    async with caching() as cache:
        cache.drop(changed(2))  # so that it is asked twice
        began = time.monotonic()
        assert (await refused(cache)).failure.status == 503
        assert time.monotonic() - began < 1.15 * credentials.TIMEOUT_SECONDS


async def test_one_who_gives_up_leaves_the_fetch_to_the_others(caching, secrets):
    answer, asked, go = held_back(material())
    secrets.will(answer)
    async with caching() as cache:
        first = asyncio.create_task(key(cache))
        await asked.wait()
        second = asyncio.create_task(key(cache))
        await asyncio.sleep(0)
        first.cancel()
        go.set()
        assert await second == "key-1"
    assert secrets.asked == 1


async def test_a_change_during_a_fetch_is_not_lost(caching, secrets):
    answer, asked, go = held_back(material(1))
    secrets.will(answer, material(2))
    async with caching() as cache:
        waiting = asyncio.create_task(key(cache))
        await asked.wait()
        cache.drop(changed(2))
        go.set()
        assert await waiting == "key-2"
        assert await key(cache) == "key-2"


async def test_a_change_during_a_refresh_is_not_lost(caching, secrets):
    answer, asked, go = held_back(material(1))
    secrets.will(material(1), answer, material(2))
    async with caching(refresh=0.01) as cache:
        await key(cache)
        await asyncio.sleep(0.02)
        await key(cache)
        await asked.wait()
        cache.drop(changed(2))
        go.set()
        assert await key(cache) == "key-2"


async def test_an_answer_older_than_the_last_change_is_asked_for_once_more(caching, secrets):
    secrets.will(material(1), material(2))
    async with caching() as cache:
        cache.drop(changed(2))
        assert await key(cache) == "key-2"
    assert secrets.asked == 2


async def test_a_service_that_insists_on_an_old_version_is_believed_for_a_short_time(
    caching, secrets, monkeypatch
):
    monkeypatch.setattr(credentials, "RETRY_SECONDS", 0.01)
    secrets.will(material(1), material(1), material(2))
    async with caching() as cache:
        cache.drop(changed(2))
        assert await key(cache) == "key-1"
        await asyncio.sleep(0.02)
        await key(cache)
        await asked_for(secrets, 3)
        async with asyncio.timeout(2):
            while await key(cache) != "key-2":
                await asyncio.sleep(0.01)


async def test_a_dropped_credential_is_not_used_because_its_refresh_failed(caching, secrets):
    answer, asked, go = held_back(status(503))
    secrets.will(material(1), answer)
    async with caching(refresh=0.01) as cache:
        await key(cache)
        await asyncio.sleep(0.02)
        await key(cache)
        await asked.wait()
        cache.drop(changed(2))
        go.set()
        assert (await refused(cache)).failure.code == "credential_unavailable"


async def test_a_credential_that_is_gone_is_forgotten(caching, secrets, caplog):
    secrets.will(material(), status(404))
    async with caching(refresh=0.01) as cache:
        await key(cache)
        await asyncio.sleep(0.02)
        await key(cache)
        await asked_for(secrets, 2)
        await asyncio.sleep(0.05)
        assert (await refused(cache)).failure.code == "credential_missing"
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_what_is_refreshed_after_a_long_time_survives_a_failure(
    caching, secrets, monkeypatch
):
    monkeypatch.setattr(credentials, "UNUSED_SECONDS", 0.0)
    monkeypatch.setattr(credentials, "RETRY_SECONDS", 0.0)
    secrets.will(material(), status(503))
    async with caching(refresh=0.01) as cache:
        await key(cache)
        for times in (2, 3):
            await asyncio.sleep(0.05)
            assert await key(cache) == "key-1"
            await asked_for(secrets, times)


async def test_a_token_file_that_makes_no_sense_is_an_outage(caching, secrets, tmp_path):
    secrets.will(material())
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    async with caching() as cache:
        assert (await refused(cache)).failure.code == "credential_unavailable"


async def test_key_material_passes_no_proxy(caching, secrets, monkeypatch):
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    secrets.will(material())
    async with caching() as cache:
        assert await key(cache) == "key-1"


async def test_closing_ends_a_refresh(caching, secrets):
    secrets.will(material(), hang)
    async with caching(refresh=0.01) as cache:
        await key(cache)
        await asyncio.sleep(0.02)
        await key(cache)
        await asked_for(secrets, 2)
        before = time.monotonic()
    assert time.monotonic() - before < credentials.TIMEOUT_SECONDS / 2

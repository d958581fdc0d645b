"""How topics are made, and that they are seen as they are."""

import pytest
from aiokafka.errors import UnknownTopicOrPartitionError

from tollway_contracts.topics import API_KEYS, MODELS, USAGE
from tollway_kit.kafka import ensure_topics
from tollway_kit.settings import KafkaSettings


class Broker:
    """Stands in for the admin client: topics, and how many partitions each has."""

    def __init__(self, **topics: int) -> None:
        self.topics = topics
        self.created: list = []
        self.shows_new_topics = True

    def __call__(self, **_: object) -> "Broker":
        return self

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    async def list_topics(self) -> list[str]:
        return list(self.topics)

    async def describe_topics(self) -> list[dict]:
        return [
            {"topic": name, "partitions": [{"partition": number} for number in range(count)]}
            for name, count in self.topics.items()
        ]

    async def create_topics(self, topics: list) -> object:
        self.created += topics
        if self.shows_new_topics:
            self.topics |= {topic.name: topic.num_partitions for topic in topics}
        return type("Answer", (), {"topic_errors": [(topic.name, 0, None) for topic in topics]})


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker(other=2)
    monkeypatch.setattr("tollway_kit.kafka.AIOKafkaAdminClient", made)
    return made


def settings(replicas: int = 3) -> KafkaSettings:
    return KafkaSettings(kafka_bootstrap_servers="nowhere:1", kafka_replication_factor=replicas)


async def test_a_record_that_is_acknowledged_survives_a_broker(broker):
    await ensure_topics(settings(3), [MODELS, USAGE])
    for topic in broker.created:
        assert topic.replication_factor == 3
        assert topic.topic_configs["min.insync.replicas"] == "2"


@pytest.mark.parametrize("replicas", [1, 2])
async def test_fewer_than_three_replicas_are_not_asked_for_two_in_sync(broker, replicas):
    await ensure_topics(settings(replicas), [MODELS])
    (created,) = broker.created
    assert "min.insync.replicas" not in created.topic_configs


async def test_partitions_are_those_that_the_broker_has(broker):
    broker.topics[MODELS.name] = 9
    partitions = await ensure_topics(settings(), [MODELS, API_KEYS])
    assert sorted(partitions) == sorted(
        [(MODELS.name, number) for number in range(9)]
        + [(API_KEYS.name, number) for number in range(API_KEYS.partitions)]
    )


async def test_a_topic_that_is_not_shown_yet_is_not_passed_over(broker):
    broker.shows_new_topics = False
    with pytest.raises(UnknownTopicOrPartitionError):
        await ensure_topics(settings(), [MODELS])

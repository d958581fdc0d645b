"""The topics' contract: schemas as committed, examples of every version read for ever."""

import json
from pathlib import Path

import pytest

from tollway_contracts.topics import TOPICS, Topic

CONTRACTS = Path(__file__).parents[3] / "libs" / "contracts"
SCHEMAS = CONTRACTS / "schemas"
EXAMPLES = CONTRACTS / "examples"

WITH_PAYLOAD = [topic for topic in TOPICS if topic.payload is not None]
SERVICES = {"registry", "secrets", "router", "metering", "console"}


def schema(topic: Topic) -> str:
    assert topic.payload is not None
    return json.dumps(topic.payload.model_json_schema(), indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize("topic", WITH_PAYLOAD, ids=lambda topic: topic.name)
def test_a_payload_s_schema_is_the_committed_one(topic):
    """A difference is a change of contract: `make schemas` writes it down, a review reads it."""
    assert schema(topic) == (SCHEMAS / f"{topic.name}.json").read_text()


@pytest.mark.parametrize("topic", WITH_PAYLOAD, ids=lambda topic: topic.name)
def test_every_topic_has_an_example(topic):
    assert list(EXAMPLES.glob(f"{topic.name}.*.json"))


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_every_example_ever_written_is_still_read(file):
    """Files here are added and never edited: they are what lies in somebody's Kafka."""
    topic = next(topic for topic in WITH_PAYLOAD if file.name.startswith(topic.name + "."))
    read = topic.payload.from_newer(file.read_bytes())
    written = json.loads(read.to_json())
    assert written | json.loads(file.read_bytes()) == written


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_a_field_that_a_later_version_adds_is_left_out(file):
    topic = next(topic for topic in WITH_PAYLOAD if file.name.startswith(topic.name + "."))
    newer = json.loads(file.read_bytes()) | {"added_later": {"a": [1]}}
    assert topic.payload.from_newer(json.dumps(newer).encode()) is not None


def test_a_dead_letter_topic_exists_for_every_topic_that_names_one():
    names = {topic.name for topic in TOPICS}
    assert {topic.dead_letter for topic in TOPICS if topic.dead_letter} <= names


def test_producers_and_consumers_are_services():
    for topic in TOPICS:
        assert {*topic.producers, *topic.consumers} <= SERVICES
        assert topic.producers

"""The local Kafka broker, spoken to as the services do."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tollway_cli.stack import Stack


async def make_topic(stack: Stack, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.addresses.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()


async def produce(stack: Stack, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka, acks="all")
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, key=value, headers=[("ce_id", value)])
    finally:
        await producer.stop()


async def consume(stack: Stack, topic: str, group: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=stack.addresses.kafka,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        values = [(await consumer.getone()).value for _ in range(count)]
        await consumer.commit()
    finally:
        await consumer.stop()
    return sorted(values)


async def test_what_is_produced_is_consumed(stack: Stack) -> None:
    await make_topic(stack, "round", 3)
    values = [b"%03d" % number for number in range(100)]
    await produce(stack, "round", values)
    assert await consume(stack, "round", "readers", 100) == values


async def test_the_lag_is_what_a_group_has_not_acknowledged(stack: Stack) -> None:
    await make_topic(stack, "lagging", 2)
    values = [b"%03d" % number for number in range(10)]
    await produce(stack, "lagging", values)
    assert stack.site.kafka.lag("slow", "lagging") == 10
    await consume(stack, "lagging", "slow", 10)
    assert stack.site.kafka.lag("slow", "lagging") == 0


async def test_a_restart_forgets_topics(stack: Stack) -> None:
    await make_topic(stack, "gone", 1)
    await produce(stack, "gone", [b"x"])
    stack.kill("kafka")
    assert stack.site.kafka.lag("any", "gone") is None
    assert stack.up_infrastructure().started == ("kafka",)
    assert stack.site.kafka.lag("any", "gone") == 0

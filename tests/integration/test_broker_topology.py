"""The topology on a real RabbitMQ: declared whenever it is missing, and losing nothing."""

import asyncio

import aio_pika
import pytest
from aio_pika.exceptions import PublishError
from camera_queues import depth, drained, eventually
from parkstream_events import topology
from parkstream_messaging import topology as broker_topology
from parkstream_messaging.connection import make_broker
from parkstream_messaging.errors import TopologyMismatchError
from parkstream_messaging.topology import DEAD_LETTERS, ENTRIES, EVENTS, EXITS, SEEN_ENTERING, declare, declare_queue

REDELIVERIES = 30


@pytest.fixture
async def broker(rabbitmq_url):
    broker = make_broker(rabbitmq_url)
    await broker.connect()
    yield broker
    await broker.stop()


async def publish(broker, key=topology.ENTERED_KEY, body=b"{}"):
    await broker.publish(body, exchange=EVENTS, routing_key=key, persist=True, message_id="1")


async def delete(rabbitmq_url, *queues):
    connection = await aio_pika.connect(rabbitmq_url)
    async with connection, connection.channel() as channel:
        for queue in queues:
            await channel.queue_delete(queue)


async def test_declaring_twice_changes_nothing(broker, rabbitmq_url):
    await declare(broker)
    await publish(broker)
    await declare(broker)

    assert await depth(rabbitmq_url, ENTRIES.name) == 1


async def test_each_kind_of_event_has_its_queue(broker, rabbitmq_url):
    await declare(broker)
    await publish(broker, topology.ENTERED_KEY, b"in")
    await publish(broker, topology.EXITED_KEY, b"out")

    assert [message.body for message in await drained(rabbitmq_url, ENTRIES.name)] == [b"in"]
    assert [message.body for message in await drained(rabbitmq_url, EXITS.name)] == [b"out"]


async def test_a_message_that_no_queue_takes_is_an_error(broker):
    await declare(broker)

    with pytest.raises(PublishError):
        await publish(broker, "vehicle.flew")


async def test_a_valid_event_survives_any_number_of_crashes_of_its_consumer(broker, rabbitmq_url):
    await declare(broker)
    await publish(broker)
    for _ in range(REDELIVERIES):
        connection = await aio_pika.connect(rabbitmq_url)
        channel = await connection.channel()
        queue = await channel.get_queue(ENTRIES.name)

        async def delivered(queue=queue):
            return await queue.get(fail=False, timeout=120) is not None

        await eventually(delivered, 120)
        await connection.close()

    async def is_back():
        return await depth(rabbitmq_url, ENTRIES.name) == 1

    await eventually(is_back, 120)
    assert await depth(rabbitmq_url, DEAD_LETTERS.name) == 0


async def test_a_rejected_message_is_kept_as_a_dead_letter(broker, rabbitmq_url):
    await declare(broker)
    await publish(broker, body=b"rejected")
    connection = await aio_pika.connect(rabbitmq_url)
    async with connection, connection.channel() as channel:
        message = await (await channel.get_queue(ENTRIES.name)).get(timeout=120)
        await message.reject(requeue=False)

        async def arrived():
            return await depth(rabbitmq_url, DEAD_LETTERS.name) == 1

        await eventually(arrived, 120)
    assert [message.body for message in await drained(rabbitmq_url, DEAD_LETTERS.name)] == [b"rejected"]


async def test_deleted_queues_are_there_again_after_declaring(broker, rabbitmq_url):
    await declare(broker)
    await delete(rabbitmq_url, ENTRIES.name, EXITS.name)
    with pytest.raises(PublishError):
        await publish(broker)

    await declare(broker)
    await publish(broker)

    assert await depth(rabbitmq_url, ENTRIES.name) == 1


async def test_a_connection_that_comes_back_declares_what_it_had_declared(rabbitmq_url):
    back = asyncio.Event()
    broker = make_broker(rabbitmq_url, on_connected=lambda _: back.set())
    connection = await broker.connect()
    await declare(broker)
    await delete(rabbitmq_url, ENTRIES.name)

    await connection.transport.connection.close(ConnectionError("the test cut it"))
    async with asyncio.timeout(120):
        await back.wait()
        await publish(broker)

    assert await depth(rabbitmq_url, ENTRIES.name) == 1
    await broker.stop()


async def test_a_queue_of_other_arguments_is_named_with_what_to_do(broker, rabbitmq_url):
    connection = await aio_pika.connect(rabbitmq_url)
    async with connection, connection.channel() as channel:
        await channel.declare_queue(EXITS.name, durable=True)

    with pytest.raises(TopologyMismatchError, match=r"parking\.exits exists .*rabbitmqctl delete_queue") as raised:
        await declare(broker)
    assert raised.value.queue == EXITS.name


async def test_the_exit_generators_copy_drops_its_oldest_when_full(broker, rabbitmq_url, monkeypatch):
    monkeypatch.setitem(SEEN_ENTERING.arguments, "x-max-length", 3)
    await declare(broker)
    await declare_queue(broker, SEEN_ENTERING, EVENTS)
    for number in range(10):
        await publish(broker, body=str(number).encode())

    kept = [int(message.body) for message in await drained(rabbitmq_url, SEEN_ENTERING.name)]
    assert kept[-1] == 9
    assert len(kept) <= 4
    assert await depth(rabbitmq_url, ENTRIES.name) == 10


async def test_preparing_comes_before_the_first_delivery(rabbitmq_url):
    order = []
    first = make_broker(rabbitmq_url)
    await first.connect()
    await declare(first)
    await publish(first)
    await first.stop()

    async def prepare(broker):
        await declare(broker)
        order.append("prepared")

    delivered = asyncio.Event()
    broker = make_broker(rabbitmq_url, prepare=prepare)

    @broker.subscriber(ENTRIES, EVENTS)
    async def on_entry(_: dict) -> None:
        order.append("delivered")
        delivered.set()

    await broker.start()
    async with asyncio.timeout(120):
        await delivered.wait()
    await broker.stop()
    assert order == ["prepared", "delivered"]


@pytest.mark.parametrize(
    ("version", "arguments"),
    [((3, 10, 8), {}), ((3, 13, 7), {}), ((4, 0, 0), {"x-delivery-limit": -1}), ((4, 3, 1), {"x-delivery-limit": -1})],
)
def test_the_delivery_limit_is_switched_off_where_there_is_one(version, arguments, monkeypatch):
    monkeypatch.setattr(broker_topology, "server_version", lambda _: version)

    assert broker_topology._delivery_limit(None) == arguments

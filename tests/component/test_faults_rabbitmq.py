import asyncio
import json
import time

import aio_pika
import pytest
from aio_pika.exceptions import DeliveryError
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity
from camera_queues import depth
from parkstream_devtools.faults import (
    ConnectionsClosed,
    DiskAlarm,
    MemoryAlarm,
    QueueDeleted,
    QueueFull,
    RawPublisher,
    Refused,
    hostile_messages,
)

QUEUE = "work"
VHOST = "/"


@pytest.fixture
def server(rabbitmq_server):
    ask = rabbitmq_server.management.request
    queue = {"durable": True, "auto_delete": False, "arguments": {"x-queue-type": "quorum"}}
    ask("PUT", "/exchanges/%2F/events", {"type": "topic", "durable": True})
    ask("PUT", f"/queues/%2F/{QUEUE}", queue)
    ask("POST", f"/bindings/%2F/e/events/q/{QUEUE}", {"routing_key": "car.#", "arguments": {}})
    yield rabbitmq_server
    ask("DELETE", f"/queues/%2F/{QUEUE}")


async def publish(url):
    connection = await aio_pika.connect(url)
    async with connection, connection.channel(on_return_raises=True) as channel:
        exchange = await channel.get_exchange("events")
        await exchange.publish(aio_pika.Message(b"x", delivery_mode=2), "car.left")


def alarmed(server):
    (node,) = json.loads(server.management.request("GET", "/nodes"))
    return node.get("mem_alarm") or node.get("disk_free_alarm")


@pytest.mark.parametrize("fault", [MemoryAlarm, DiskAlarm])
async def test_during_an_alarm_nothing_is_confirmed_and_afterwards_all_is(server, fault):
    with fault(server):
        while not alarmed(server):
            await asyncio.sleep(0.05)
        publishing = asyncio.create_task(publish(server.url))
        while not blocked(server):
            await asyncio.sleep(0.05)
        assert not publishing.done()
    await publishing


def blocked(server):
    found = json.loads(server.management.request("GET", "/connections"))
    return any(one.get("state") in {"blocking", "blocked"} for one in found)


async def test_a_deleted_queue_is_gone_and_comes_back_as_it_was(server):
    with QueueDeleted(server, VHOST, QUEUE), pytest.raises((DeliveryError, ChannelNotFoundEntity)):
        await publish(server.url)
    await publish(server.url)
    assert json.loads(server.management.request("GET", f"/queues/%2F/{QUEUE}"))["arguments"] == {
        "x-queue-type": "quorum"
    }


async def test_a_full_queue_rejects_what_is_published(server):
    with QueueFull(server, VHOST, QUEUE), pytest.raises(DeliveryError):
        await publish_often(server.url)
    await publish(server.url)


async def publish_often(url):
    for _ in range(100):  # A quorum queue takes a few more than its limit.
        await publish(url)


async def test_what_is_refused_to_a_user_closes_the_channel(server):
    with Refused(server, VHOST, "events"), pytest.raises(ChannelAccessRefused):
        await publish(server.url)
    await publish(server.url)


async def test_connections_that_the_server_closes_are_closed(server):
    connection = await aio_pika.connect(server.url)
    closed = asyncio.Event()
    connection.close_callbacks.add(lambda *_: closed.set())
    deadline = time.monotonic() + 120
    while not json.loads(server.management.request("GET", "/connections")):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    with ConnectionsClosed(server):
        await asyncio.wait_for(closed.wait(), 120)
    await connection.close()


async def test_every_hostile_message_reaches_its_queue(server):
    messages = hostile_messages("vehicle.exited.v1", "hostile-1", "2026-11-29T12:00:00Z")
    with RawPublisher(server.url) as publisher:
        for message in messages.values():
            publisher.publish("events", "car.left", message.body, message.properties)
    assert len(messages) >= 30
    assert await depth(server.url, QUEUE) == len(messages)

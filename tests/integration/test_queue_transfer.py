"""What waits in a queue goes to another RabbitMQ as it came, and leaves where it was only after the confirm."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from unittest.mock import Mock

import aio_pika
import pytest
from aiormq import spec
from backend_sightings import entry, now
from camera_queues import declared, published
from parkstream_backend.record.decoder import Camera
from parkstream_devtools import RabbitServer
from parkstream_devtools.faults import RawPublisher, hostile_messages
from parkstream_devtools.faults.raw_amqp import short_string
from parkstream_events import topology
from parkstream_events.sightings import VehicleEntered
from parkstream_events.wire import ENTERED, Refusal, UnreadableError
from parkstream_messaging import queue_transfer
from parkstream_messaging.batch_subscriber import Delivery
from parkstream_messaging.connection import make_broker
from parkstream_messaging.dead_letters import Letter
from parkstream_messaging.queue_transfer import NONE, UNWRITABLE_TYPE, counts_of, transfer, waiting_in
from parkstream_messaging.topology import EVENTS, SEEN_ENTERING, declare_queue
from parkstream_operations.broker import broker

COUNT = 1_000
ENTRIES, DEAD = topology.ENTRIES_QUEUE, topology.DEAD_LETTERS_QUEUE


@pytest.fixture
async def ends(servers, rabbitmq_url: str, mall: str) -> AsyncIterator[tuple[str, str]]:
    """A vhost, and where its messages go."""
    yield await declared(rabbitmq_url), await declared(servers.rabbitmq.add_vhost(mall))
    servers.rabbitmq.delete_vhost(mall)


async def taken(url: str, queue: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
    async with broker(url) as connection, connection.channel() as channel:
        found = await channel.get_queue(queue)
        count, _ = await waiting_in(connection, queue)
        return [await found.get(no_ack=True, timeout=240) for _ in range(count)]


async def go(ends: tuple[str, str], queue: str) -> int:
    async with broker(ends[0]) as source, broker(ends[1]) as target:
        return await transfer(source, target, queue, "guest", lambda *_: None)


async def test_messages_go_over_as_they_came_in_order_and_to_that_queue_alone(ends: tuple[str, str]):
    for url in ends:
        connected = make_broker(url)
        await connected.connect()
        await declare_queue(connected, SEEN_ENTERING, EVENTS)
        await connected.stop()
    properties = {"headers": {"x-published-at-us": 7, "traceparent": "00-a"}, "message_id": "m", "type": ENTERED}
    await published(ends[0], [str(number).encode() for number in range(COUNT)], **properties)
    assert await go(ends, ENTRIES) == COUNT
    assert await go(ends, ENTRIES) == 0
    messages = await taken(ends[1], ENTRIES)
    assert [int(message.body) for message in messages] == [*range(COUNT)]
    assert {(message.message_id, message.type, message.routing_key) for message in messages} == {
        ("m", ENTERED, topology.ENTERED_KEY)
    }
    assert messages[0].headers.items() >= {"x-published-at-us": 7, "traceparent": "00-a"}.items()
    assert messages[0].delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert await taken(ends[1], SEEN_ENTERING.name) == []


@contextmanager
def mute(server: RabbitServer, queue: str) -> Iterator[None]:
    """Let the process of each quorum queue of this name stand still, so that it answers nobody."""
    found = f'Q <- rabbit_amqqueue:list(), element(4, amqqueue:get_name(Q)) =:= <<"{queue}">>'
    server.control("eval", f"[sys:suspend(amqqueue:get_pid(Q)) || {found}].")
    try:
        yield
    finally:
        server.control("eval", f"[sys:resume(amqqueue:get_pid(Q)) || {found}].")


async def test_what_waits_in_a_queue_that_does_not_answer_for_a_moment_is_not_left_behind(
    ends: tuple[str, str], servers
):
    await published(ends[0], [b"1", b"2"])
    async with broker(ends[0]) as source, broker(ends[1]) as target:
        with mute(servers.rabbitmq, ENTRIES):
            going = asyncio.create_task(transfer(source, target, ENTRIES, "guest", lambda *_: None))
            assert await counts_of(source, ENTRIES) == NONE
        assert await going == 2
    assert sorted([one.body for one in await taken(ends[1], ENTRIES)]) == [b"1", b"2"]


async def test_what_came_by_a_key_of_another_queue_is_refused_there_too(ends: tuple[str, str]):
    body = entry("e", "P1", now())
    await published(ends[0], [body], topology.EXITED_KEY, headers={"CC": [topology.ENTERED_KEY]}, type=ENTERED)
    assert await go(ends, ENTRIES) == 1
    (message,) = await taken(ends[1], ENTRIES)
    exchange, key = message.exchange or "", message.routing_key or ""
    delivery = Delivery(Mock(), 1, False, exchange, key, ENTERED, None, {}, message.body, spec.Basic.Properties())
    with pytest.raises(UnreadableError) as refused:
        Camera(ENTRIES, VehicleEntered, ENTERED, frozenset()).read(delivery)
    assert refused.value.reason is Refusal.MISROUTED


async def test_a_dead_letter_names_who_buried_it_only_when_that_is_who_brings_it(ends: tuple[str, str]):
    headers = {topology.REASON_HEADER: "not_json", topology.ORIGINAL_QUEUE_HEADER: ENTRIES}
    async with await aio_pika.connect(ends[0]) as connection, connection.channel() as channel:
        exchange = await channel.get_exchange(topology.DEAD_LETTERS_EXCHANGE)
        for user in ("guest", None):
            await exchange.publish(aio_pika.Message(b"{", headers=headers, user_id=user, message_id="1"), "")
    assert await go(ends, DEAD) == 2
    letters = [Letter.of(message) for message in await taken(ends[1], DEAD)]
    assert [(one.id, one.reason, one.queue, one.user) for one in letters] == [
        ("1", "not_json", ENTRIES, "guest"),
        ("1", "not_json", ENTRIES, None),
    ]


async def test_what_no_client_can_write_goes_over_without_that(ends: tuple[str, str]):
    hostile = [*hostile_messages(ENTERED, "e", now().isoformat(), way="entry").values()]
    with RawPublisher(ends[0]) as raw:
        for one in hostile:
            raw.publish(topology.EVENTS_EXCHANGE, topology.ENTERED_KEY, one.body, one.properties)
        raw.publish(topology.EVENTS_EXCHANGE, topology.ENTERED_KEY, b"{}", {"type": short_string(b"\xe9" * 255)})
    assert await go(ends, ENTRIES) == len(hostile) + 1
    messages = await taken(ends[1], ENTRIES)
    assert [message.body for message in messages] == [*(one.body for one in hostile), b"{}"]
    assert messages[-1].type == UNWRITABLE_TYPE
    assert (await taken(ends[0], ENTRIES)) == []


async def test_what_is_not_confirmed_stays_where_it_was(ends: tuple[str, str], monkeypatch):
    bodies = [str(number).encode() for number in range(COUNT)]
    await published(ends[0], bodies)
    copied = iter(range(COUNT))

    def fails(message: aio_pika.abc.AbstractIncomingMessage, user: str) -> aio_pika.Message:
        if next(copied) == COUNT // 2:
            raise ConnectionResetError
        return aio_pika.Message(message.body, user_id=user)

    with monkeypatch.context() as broken:
        broken.setattr(queue_transfer, "copy_of", fails)
        with pytest.raises(ConnectionResetError):
            async with await aio_pika.connect(ends[0]) as source, await aio_pika.connect(ends[1]) as target:
                await transfer(source, target, ENTRIES, "guest", lambda *_: None)
    arrived = {message.body for message in await taken(ends[1], ENTRIES)}
    assert 0 < len(arrived) < COUNT
    async with asyncio.timeout(240):
        while arrived != {*bodies}:  # What a closed connection had comes back a moment later.
            await go(ends, ENTRIES)
            arrived |= {message.body for message in await taken(ends[1], ENTRIES)}

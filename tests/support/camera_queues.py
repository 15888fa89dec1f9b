"""What lies in RabbitMQ's queues, taken out and looked at."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import aio_pika
from parkstream_events import topology
from parkstream_events.sightings import Sighting
from parkstream_events.wire import decode_sighting
from parkstream_messaging.connection import make_broker
from parkstream_messaging.queue_transfer import waiting_in
from parkstream_messaging.topology import declare

DEADLINE_SECONDS = 240.0


class Message(NamedTuple):
    id: str
    type: str
    headers: dict[str, object]
    body: bytes
    persistent: bool
    content_type: str | None
    correlation_id: str | None

    @property
    def sighting(self) -> Sighting:
        return decode_sighting(self.type, self.body)


async def declared(url: str) -> str:
    """Declare what the backend would at *url*, for generators that are alone; return *url*."""
    broker = make_broker(url)
    await broker.connect()
    await declare(broker)
    await broker.stop()
    return url


async def published(url: str, bodies: list[bytes], key: str = topology.ENTERED_KEY, **properties: Any) -> None:
    """Publish *bodies*, each confirmed, whatever they hold."""
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        events = await channel.get_exchange(topology.EVENTS_EXCHANGE)
        for body in bodies:
            await events.publish(aio_pika.Message(body, **properties), key)


async def depth(url: str, queue: str) -> int:
    """How many messages of *queue* are ready."""
    connection = await aio_pika.connect(url)
    async with connection:
        return (await waiting_in(connection, queue)).messages


async def drained(url: str, queue: str) -> list[Message]:
    """Take everything out of *queue*, which nobody may publish to meanwhile."""
    connection = await aio_pika.connect(url)
    taken: list[Message] = []
    async with connection, connection.channel() as channel:
        await channel.set_qos(prefetch_count=1_000)
        source = await channel.get_queue(queue)
        if count := (await waiting_in(connection, queue)).messages:
            async with source.iterator(timeout=DEADLINE_SECONDS) as messages:
                async for message in messages:
                    taken.append(_message(message))
                    await message.ack()
                    if len(taken) == count:
                        break
    return taken


def _message(message: aio_pika.abc.AbstractIncomingMessage) -> Message:
    return Message(
        message.message_id or "",
        message.type or "",
        dict(message.headers),
        message.body,
        message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT,
        message.content_type,
        message.correlation_id,
    )


async def eventually(condition: Callable[[], Awaitable[bool]], deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Return when *condition* holds; fail when it does not in time."""
    ends_at = time.monotonic() + deadline_seconds
    while not await condition():
        assert time.monotonic() < ends_at, f"not within {deadline_seconds} s"
        await asyncio.sleep(0.05)

"""How many messages wait in a camera's queue, and how many consumers RabbitMQ counts on it.

A connection of its own, because a question that times out costs its channel.
"""

import asyncio
from typing import Final, NamedTuple

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel
from parkstream_events import topology
from parkstream_events.sightings import Direction
from parkstream_messaging.nodes import Nodes

ANSWER_SECONDS: Final = 2.0
QUEUES: Final = {Direction.ENTRY: topology.ENTRIES_QUEUE, Direction.EXIT: topology.EXITS_QUEUE}


class QueueDepth(NamedTuple):
    """What RabbitMQ says of a queue; what is delivered and not acknowledged is not among its *messages*."""

    messages: int
    consumers: int


class QueueDepths:
    """Asks RabbitMQ at *url*."""

    def __init__(self, url: str) -> None:
        self._nodes = Nodes(url)
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None

    async def __call__(self, direction: Direction) -> QueueDepth | None:
        """Return how many messages wait, and for how many consumers; None when nobody knows."""
        queue = QUEUES[direction]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                channel = await self._opened()
                declared = await channel.queue_declare(queue=queue, passive=True)
        except (*CONNECTION_EXCEPTIONS, TimeoutError):
            await self.close()
            return None
        return QueueDepth(declared.message_count or 0, declared.consumer_count or 0)

    async def close(self) -> None:
        """Close the connection; the next question opens another."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is None:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.close()
        except (*CONNECTION_EXCEPTIONS, TimeoutError):
            return  # It is closed one way or the other.

    async def _opened(self) -> AbstractChannel:
        if self._channel is None or self._channel.is_closed:
            await self.close()
            self._connection = await self._nodes.connect()
            opened = await self._connection.channel(publisher_confirms=False)
            self._channel = await opened.get_underlay_channel()
        return self._channel

"""How many messages wait for a camera's direction: in RabbitMQ, and in the hands of this process.

A connection of its own, because a question that times out costs its channel.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel
from parkstream_events import topology
from parkstream_events.sightings import Direction

ANSWER_SECONDS: Final = 2.0
QUEUES: Final = {Direction.ENTRY: topology.ENTRIES_QUEUE, Direction.EXIT: topology.EXITS_QUEUE}


class QueueDepths:
    """Asks RabbitMQ at *url*; *in_hand* says how many deliveries of a queue this process has not settled."""

    def __init__(self, url: str, in_hand: Callable[[str], int]) -> None:
        self._url = url
        self._in_hand = in_hand
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None

    async def __call__(self, direction: Direction) -> int | None:
        """Return how many messages wait; None when nobody knows."""
        queue = QUEUES[direction]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                channel = await self._opened()
                declared = await channel.queue_declare(queue=queue, passive=True)
        except (*CONNECTION_EXCEPTIONS, TimeoutError):
            await self.close()
            return None
        return (declared.message_count or 0) + self._in_hand(queue)

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
            self._connection = await aio_pika.connect(self._url)
            opened = await self._connection.channel(publisher_confirms=False)
            self._channel = await opened.get_underlay_channel()
        return self._channel

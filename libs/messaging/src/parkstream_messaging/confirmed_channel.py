"""A connection of its own for what is published rarely: each message until RabbitMQ has confirmed it.

RabbitMQ reads nothing from a connection that has published while memory or disk are short: not even acknowledgements.
So what consumes never publishes.
"""

import asyncio
from typing import Final

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from parkstream_service.retry import uncancelled

from parkstream_messaging.hang_up import hang_up
from parkstream_messaging.nodes import CONNECT_TIMEOUT_SECONDS, Nodes

UNCONFIRMED_SECONDS: Final = 60.0
"""How long a confirm may take from a RabbitMQ that blocks nobody; then the connection is made anew."""


class ConfirmedChannel:
    """Publishes at *url* to *exchange*; connects when it is used, and again when that has broken.

    A message is published once per connection: whoever waits for a confirm waits for as long as the connection lives.
    """

    def __init__(self, url: str, exchange: str) -> None:
        self._nodes = Nodes(url)
        self._exchange = exchange
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()

    @property
    def connection(self) -> AbstractConnection:
        """The connection that is open; only after ``opened``."""
        assert self._connection is not None
        return self._connection

    async def opened(self) -> AbstractChannel:
        """Return the channel, opened anew where it was closed."""
        async with self._opening:
            if self._connection is None or not _is_alive(self._connection):
                await self.close()
                self._connection = await self._nodes.connect(CONNECT_TIMEOUT_SECONDS)
            if self._channel is None or self._channel.is_closed:
                async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                    self._channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
            return self._channel

    async def blocked(self) -> bool:
        """Whether RabbitMQ has announced that it takes no messages now."""
        return await is_blocked(self._connection)

    async def publish(self, published: Message, routing_key: str) -> None:
        """Return when RabbitMQ has confirmed *published*, and a queue has it.

        It says who published it, which RabbitMQ checks.
        Of the messages that wait for their confirm at one time no two may have the same ``message_id``: aiormq would
        take a return of one for the other's. Raises what ``is_away`` knows.
        """
        channel = await self.opened()
        published.user_id = self._nodes.user
        exchange = await channel.get_exchange(self._exchange, ensure=False)
        publishing = asyncio.create_task(uncancelled(lambda: exchange.publish(published, routing_key, mandatory=True)))
        try:
            while not (await asyncio.wait({publishing}, timeout=UNCONFIRMED_SECONDS))[0]:
                if not await self.blocked():
                    await self.close()
                    message = f"no confirm within {UNCONFIRMED_SECONDS:.0f} s"
                    raise TimeoutError(message)
        finally:
            publishing.cancel()
        publishing.result()

    async def renew(self) -> None:
        """Let the next publish open another channel: a quorum queue that was full goes on rejecting the old one."""
        channel, self._channel = self._channel, None
        if channel is not None and not channel.is_closed:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await channel.close()

    async def close(self) -> None:
        """Close the connection; the next publish opens another."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            await hang_up(connection)


async def is_blocked(connection: AbstractConnection | None) -> bool:
    """Whether RabbitMQ has announced on *connection* that it takes no messages now."""
    transport = None if connection is None else connection.transport
    if transport is None:
        return False
    unblocked: asyncio.Future[object] = asyncio.ensure_future(transport.ready())
    done, _ = await asyncio.wait({unblocked}, timeout=0.05)
    unblocked.cancel()
    return not done


def is_away(error: Exception) -> bool:
    """Whether *error* says that RabbitMQ is not there or does not take a message, which passes."""
    return isinstance(error, (*CONNECTION_EXCEPTIONS, TimeoutError))


def _is_alive(connection: AbstractConnection) -> bool:
    transport = connection.transport
    return transport is not None and not transport.connection.is_closed

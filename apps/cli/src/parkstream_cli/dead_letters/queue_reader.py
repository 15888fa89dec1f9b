"""Dead letters looked at one by one: nothing is taken that is not acknowledged, and the rest goes back at the end."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, AMQPError, ChannelNotFoundEntity, ChannelPreconditionFailed
from parkstream_events import topology
from parkstream_messaging.tolerance import tolerate_properties
from parkstream_messaging.topology import server_version

from parkstream_cli.errors import ToolError
from parkstream_cli.probes import UnreachableError, connected, hosts_of, reason
from parkstream_cli.progress import Reached

GET_SECONDS: Final = 10.0
UNLIMITED_SINCE: Final = (4, 0)


class Lying(NamedTuple):
    """The queue of dead letters, and how many were in it."""

    channel: AbstractChannel
    queue: AbstractQueue
    waiting: int

    async def messages(self, reached: Reached) -> AsyncIterator[AbstractIncomingMessage]:
        """Yield each message once; what comes meanwhile is left alone."""
        for nth in range(self.waiting):
            message = await self.queue.get(fail=False, timeout=GET_SECONDS)
            if message is None:  # Somebody else looks too.
                return
            yield message
            reached(nth + 1)


@asynccontextmanager
async def lying(url: str) -> AsyncGenerator[Lying, None]:
    """Open the dead letters in the RabbitMQ at *url*; whatever was not acknowledged goes back when this ends.

    That is RabbitMQ's own doing when a channel closes, so it holds for a crash too. Raises ``UnreachableError``, and
    ``ToolError`` when a limit of deliveries would let RabbitMQ drop what is looked at too often.
    """
    tolerate_properties()
    connection = await connected(url)
    try:
        async with connection:
            await _check_limit(await connection.channel(), connection)
            async with connection.channel(publisher_confirms=True, on_return_raises=True) as channel:
                queue = await channel.declare_queue(topology.DEAD_LETTERS_QUEUE, passive=True)
                yield Lying(channel, queue, queue.declaration_result.message_count or 0)
    except (*CONNECTION_EXCEPTIONS, AMQPError, TimeoutError) as error:
        raise UnreachableError(hosts_of(url), f"{reason(error)} (PARKSTREAM_RABBITMQ_URL)") from error


async def _check_limit(channel: AbstractChannel, connection: Any) -> None:  # noqa: ANN401 - robust or not
    arguments: dict[str, Any] = dict(topology.DEAD_LETTERS_QUEUE_ARGUMENTS)
    if server_version(connection) >= UNLIMITED_SINCE:
        arguments |= topology.DELIVERY_UNLIMITED_ARGUMENTS
    name = topology.DEAD_LETTERS_QUEUE
    try:
        await channel.declare_queue(name, passive=True)
        await channel.declare_queue(name, durable=True, arguments=arguments)
    except ChannelNotFoundEntity as error:
        message = f"there is no queue {name}: start the backend, which declares it (or set PARKSTREAM_RABBITMQ_URL)"
        raise ToolError(message) from error
    except ChannelPreconditionFailed as error:
        message = (
            f"{name} was not declared as this version does it ({error}): RabbitMQ might drop letters that are looked "
            "at too often. Move them away (shovel), delete the queue, and start the backend, which declares it anew"
        )
        raise ToolError(message) from error

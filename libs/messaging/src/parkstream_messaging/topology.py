"""The exchanges and queues as FastStream objects: the backend declares them, who publishes checks that they exist."""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused
from faststream.rabbit import ExchangeType, QueueType, RabbitExchange, RabbitQueue
from parkstream_events import topology as names

from parkstream_messaging.errors import TopologyMismatchError, TopologyMissingError

if TYPE_CHECKING:
    from faststream.rabbit import RabbitBroker

EVENTS = RabbitExchange(names.EVENTS_EXCHANGE, ExchangeType.TOPIC)
EVENTS_THERE = RabbitExchange(names.EVENTS_EXCHANGE, ExchangeType.TOPIC, declare=False, robust=False)
"""The same for who only publishes: the backend declares it."""
DEAD_LETTERS_EXCHANGE = RabbitExchange(names.DEAD_LETTERS_EXCHANGE, ExchangeType.FANOUT)


def _known(name: str, key: str, arguments: Any) -> RabbitQueue:  # noqa: ANN401 - FastStream's TypedDict is narrower
    """Return a queue that subscribers find: what must be declared depends on RabbitMQ's version, see ``declare``."""
    return RabbitQueue(name, QueueType.QUORUM, routing_key=key, arguments=arguments, declare=False)


ENTRIES = _known(names.ENTRIES_QUEUE, names.ENTERED_KEY, names.WORK_QUEUE_ARGUMENTS)
EXITS = _known(names.EXITS_QUEUE, names.EXITED_KEY, names.WORK_QUEUE_ARGUMENTS)
DEAD_LETTERS = _known(names.DEAD_LETTERS_QUEUE, "", names.DEAD_LETTERS_QUEUE_ARGUMENTS)
SEEN_ENTERING = _known(names.SEEN_ENTERING_QUEUE, names.ENTERED_KEY, names.SEEN_ENTERING_QUEUE_ARGUMENTS)


RECORDED: Final[Mapping[RabbitExchange, Sequence[RabbitQueue]]] = {
    EVENTS: (ENTRIES, EXITS),
    DEAD_LETTERS_EXCHANGE: (DEAD_LETTERS,),
}
"""What record needs: by exchange, the queues that are bound to it."""


async def declare(broker: "RabbitBroker") -> None:
    """Declare both exchanges, the work queues and the dead-letter queue with their bindings; idempotent.

    They are declared again by the connection itself whenever it comes back. Raises ``TopologyMismatchError``.
    """
    await declare_work_queues(broker)
    await declare_queue(broker, DEAD_LETTERS, DEAD_LETTERS_EXCHANGE)


async def declare_work_queues(broker: "RabbitBroker") -> None:
    """Declare what sightings go through: see ``declare``."""
    await declare_exchange(broker, EVENTS)
    await declare_exchange(broker, DEAD_LETTERS_EXCHANGE)
    await declare_queue(broker, ENTRIES, EVENTS)
    await declare_queue(broker, EXITS, EVENTS)


async def check_events(broker: "RabbitBroker") -> None:
    """Raise ``TopologyMissingError`` unless the exchange of sightings and both work queues are there.

    Asking needs no right in RabbitMQ, and declares nothing.
    """
    async with _asking(broker) as channel:
        try:
            await channel.exchange_declare(EVENTS.name, passive=True)
        except ChannelNotFoundEntity as error:
            raise TopologyMissingError(EVENTS.name) from error
        for queue in (ENTRIES, EXITS):
            await _check_queue(channel, queue)


async def declare_unless_there(broker: "RabbitBroker", queue: RabbitQueue) -> None:
    """Declare *queue* and bind it to sightings where nobody has; raise where this user may not."""
    async with _asking(broker) as channel:
        try:
            await channel.queue_declare(queue.name, passive=True)
        except ChannelNotFoundEntity:
            found = False
        else:
            found = True
    if not found:
        try:
            await declare_queue(broker, queue, EVENTS_THERE)
        except ChannelAccessRefused as error:
            raise TopologyMissingError(queue.name) from error


async def _check_queue(channel: AbstractChannel, queue: RabbitQueue) -> None:
    try:
        await channel.queue_declare(queue.name, passive=True)
    except ChannelNotFoundEntity as error:
        raise TopologyMissingError(queue.name) from error


@asynccontextmanager
async def _asking(broker: "RabbitBroker") -> AsyncGenerator[AbstractChannel, None]:
    """Open a channel that is restored by nobody, and that a refusal may close."""
    transport = (await broker.connect()).transport
    if transport is None or transport.connection.is_closed:
        message = "not connected to RabbitMQ"
        raise ConnectionError(message)
    channel = await transport.connection.channel(publisher_confirms=False)
    try:
        yield channel
    finally:
        if not channel.is_closed:
            await channel.close()


async def declare_exchange(broker: "RabbitBroker", exchange: RabbitExchange) -> None:
    """Declare *exchange* now, also when this process has declared it before."""
    declared = await broker.declare_exchange(exchange)
    await declared.declare()


async def declare_queue(broker: "RabbitBroker", queue: RabbitQueue, exchange: RabbitExchange) -> None:
    """Declare *queue*, with what this version of RabbitMQ needs to know, and bind it to *exchange*."""
    arguments: Any = arguments_of(queue, await broker.connect())
    # Not broker.declare_queue: subscribers would be given its queue, and consume on its channel, which has no prefetch.
    channel = await broker.config.channel_manager.get_channel()
    try:
        declared = await channel.declare_queue(queue.name, durable=True, arguments=arguments)
    except ChannelPreconditionFailed as error:
        raise TopologyMismatchError(queue.name, str(error)) from error
    await declared.bind(await broker.declare_exchange(exchange), queue.routing_key)


async def declare_over(
    connection: AbstractConnection, exchanges: Mapping[RabbitExchange, Sequence[RabbitQueue]]
) -> None:
    """Declare *exchanges* and their queues over a channel of its own of *connection*, which restores nothing itself.

    Raises ``TopologyMismatchError``, and what aio-pika raises.
    """
    async with connection.channel(publisher_confirms=False) as channel:
        for exchange, queues in exchanges.items():
            source = await channel.declare_exchange(exchange.name, exchange.type.value, durable=exchange.durable)
            for queue in queues:
                arguments: Any = arguments_of(queue, connection)
                try:
                    declared = await channel.declare_queue(queue.name, durable=True, arguments=arguments)
                except ChannelPreconditionFailed as error:
                    raise TopologyMismatchError(queue.name, str(error)) from error
                await declared.bind(source, queue.routing_key)


def arguments_of(queue: RabbitQueue, connection: AbstractConnection) -> dict[str, object]:
    """Return what *queue* is declared with at the version of RabbitMQ that *connection* leads to."""
    return {**queue.arguments, **_delivery_limit(connection)}


def _delivery_limit(connection: AbstractConnection) -> dict[str, object]:
    return names.DELIVERY_UNLIMITED_ARGUMENTS if server_version(connection) >= (4, 0) else {}


def server_version(connection: AbstractConnection) -> tuple[int, ...]:
    """Return RabbitMQ's version as numbers: ``(4, 1, 2)``."""
    transport = connection.transport
    assert transport is not None, "connect first"
    version = transport.connection.server_properties["version"]
    return tuple(int(number) for number in re.findall(r"\d+", str(version))[:3])

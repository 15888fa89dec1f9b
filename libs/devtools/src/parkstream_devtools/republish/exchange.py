"""Where sightings are sent: the pipeline's exchange, whose queues are made sure of, or one that must exist."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.exceptions import ChannelNotFoundEntity, DeliveryError, PublishError
from aiormq.exceptions import ChannelAccessRefused
from parkstream_events.topology import ENTERED_KEY, EVENTS_EXCHANGE, EXITED_KEY, PUBLISHED_AT_HEADER, WORK_QUEUES
from parkstream_messaging.connection import make_broker
from parkstream_messaging.errors import MessagingError
from parkstream_messaging.sighting_message import sighting_message
from parkstream_messaging.topology import declare
from parkstream_service.settings import hosts_of
from parkstream_service.unreachable import reason

from parkstream_devtools.republish.messages import KEYS, Message

if TYPE_CHECKING:
    from aio_pika.abc import HeadersType

CONFIRM_SECONDS: Final = 30.0


Publish = Callable[[Message], Awaitable[None]]
"""Returns when RabbitMQ has confirmed a message."""


@asynccontextmanager
async def publishing(connection: AbstractConnection, url: str, name: str) -> AsyncGenerator[Publish, None]:
    """Yield what publishes to the exchange *name*, confirmed and mandatory; raise ``MessagingError`` without one.

    *connection* is to the RabbitMQ at *url*, where the pipeline's own queues are declared if they are missing: a
    confirm says nothing about a queue that is not there.
    """
    if name == EVENTS_EXCHANGE:
        await _make_sure_of_queues(connection, url)
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    try:
        exchange = await channel.get_exchange(name)
    except ChannelNotFoundEntity as error:
        problem = (
            f"RabbitMQ at {hosts_of(url)} has no exchange {name}: declare it there, with queues bound to it for "
            f"{ENTERED_KEY} and {EXITED_KEY}, or leave out --exchange for the pipeline's own"
        )
        raise MessagingError(problem) from error
    yield _to(exchange)


async def _make_sure_of_queues(connection: AbstractConnection, url: str) -> None:
    channel = await connection.channel()
    try:
        for name in WORK_QUEUES:
            await channel.declare_queue(name, passive=True)
    except ChannelNotFoundEntity:
        await _declare_queues(url)


async def _declare_queues(url: str) -> None:
    broker = make_broker(url)
    try:
        await broker.connect()
        await declare(broker)
    except ChannelAccessRefused as error:
        problem = "the pipeline's queues are missing, and this user may not declare them: start the backend, which does"
        raise MessagingError(problem) from error
    finally:
        await broker.stop()


def _to(exchange: AbstractExchange) -> Publish:
    async def publish(message: Message) -> None:
        # Without the trace that it once belonged to: a replay adds no spans to the original traces.
        headers: HeadersType = {PUBLISHED_AT_HEADER: time.time_ns() // 1_000}
        sent = sighting_message(message.id, message.type, message.body, headers)
        async with asyncio.timeout(CONFIRM_SECONDS):
            await exchange.publish(sent, KEYS[message.direction], mandatory=True)

    return publish


def problem_of(failure: Exception, exchange: str) -> str:
    """Return why a publish failed, and what to do about it."""
    match failure:
        case PublishError():
            return f"no queue takes sightings from {exchange}: bind queues to it for {ENTERED_KEY} and {EXITED_KEY}"
        case DeliveryError():
            return f"RabbitMQ refused a message to {exchange}: a queue is full, or it is short of memory or disk"
        case TimeoutError():
            return f"RabbitMQ confirmed nothing for {CONFIRM_SECONDS:.0f} s: it is short of memory or disk, or away"
        case _:
            return f"RabbitMQ is away ({reason(failure)}); continue when it is back"

"""Where sightings are sent: the pipeline's exchange, whose queues are made sure of, or one that must exist."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity, DeliveryError, PublishError
from aiormq.exceptions import ChannelAccessRefused
from parkstream_events.topology import ENTERED_KEY, EVENTS_EXCHANGE, EXITED_KEY, PUBLISHED_AT_HEADER, WORK_QUEUES
from parkstream_messaging import TopologyMismatchError, declare, make_broker

from parkstream_cli.errors import ToolError
from parkstream_cli.probes import UnreachableError, connected, hosts_of, reason
from parkstream_cli.republish.messages import KEYS, Message
from parkstream_cli.republish.publisher import Publish

CONFIRM_SECONDS: Final = 30.0


@asynccontextmanager
async def publishing(url: str, name: str) -> AsyncGenerator[Publish, None]:
    """Connect to RabbitMQ at *url* and yield what publishes to the exchange *name*, confirmed and mandatory.

    Raises ``UnreachableError`` when RabbitMQ is away, ``ToolError`` when there is no such exchange.
    """
    try:
        connection = await connected(url)
    except AMQPError as error:
        raise UnreachableError(hosts_of(url), f"{reason(error)} (PARKSTREAM_RABBITMQ_URL)") from error
    async with connection:
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
            raise ToolError(problem) from error
        yield _to(exchange)


async def _make_sure_of_queues(connection: AbstractConnection, url: str) -> None:
    """Declare the pipeline's queues if they are not there: a confirm says nothing about a queue that is missing."""
    channel = await connection.channel()
    try:
        for name in WORK_QUEUES:
            await channel.declare_queue(name, passive=True)
    except ChannelNotFoundEntity:
        await _declare(url)


async def _declare(url: str) -> None:
    broker = make_broker(url)
    try:
        await broker.connect()
        await declare(broker)
    except TopologyMismatchError as error:
        raise ToolError(str(error)) from error
    except ChannelAccessRefused as error:
        problem = "the pipeline's queues are missing, and this user may not declare them: start the backend, which does"
        raise ToolError(problem) from error
    finally:
        await broker.stop()


def _to(exchange: AbstractExchange) -> Publish:
    async def publish(message: Message) -> None:
        async with asyncio.timeout(CONFIRM_SECONDS):
            await exchange.publish(_as_a_camera_sends(message), KEYS[message.direction], mandatory=True)

    return publish


def _as_a_camera_sends(message: Message) -> aio_pika.Message:
    """Return *message* without the trace that it once belonged to: a replay adds no spans to the original traces."""
    return aio_pika.Message(
        message.body,
        message_id=message.id,
        correlation_id=message.id,
        type=message.type,
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        headers={PUBLISHED_AT_HEADER: time.time_ns() // 1_000},
    )


def problem_of(failure: BaseException, exchange: str) -> str:
    """Return why a publish failed, and what to do about it."""
    match failure:
        case PublishError():
            return f"no queue takes sightings from {exchange}: bind queues to it for {ENTERED_KEY} and {EXITED_KEY}"
        case DeliveryError():
            return f"RabbitMQ refused a message to {exchange}: a queue is full, or it is short of memory or disk"
        case TimeoutError():
            return f"RabbitMQ confirmed nothing for {CONFIRM_SECONDS:.0f} s: it is short of memory or disk, or away"
        case Exception():
            return f"RabbitMQ is away ({reason(failure)}); go on when it is back"
        case _:
            return "RabbitMQ closed the channel; go on when it is back"

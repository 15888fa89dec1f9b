"""What waits in a queue goes to that of the same name at another RabbitMQ: confirmed there, then acknowledged here.

It goes through an exchange of the queue's own name, so to that queue alone: a sighting is not copied once more for the
exit generator, and the backend's rights are enough.
"""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import DeliveryError
from parkstream_events.topology import EVENTS_EXCHANGE, WORK_QUEUES

from parkstream_messaging.confirmed_publisher import IN_FLIGHT_MAX, ConfirmedPublisher
from parkstream_messaging.errors import MessagingError
from parkstream_messaging.letter import kept_of
from parkstream_messaging.tolerance import tolerate_properties

CONFIRM_SECONDS: Final = 60.0
DELIVERY_SECONDS: Final = 60.0
COUNTS: Final = ("x-delivery-count", "x-acquired-count")
"""Headers that RabbitMQ counts in anew."""
UNWRITABLE_TYPE: Final = "unwritable"
"""Instead of a type that cannot be written again: without one it would pass for the first version."""

NONE: Final = (0, 0)

Reached = Callable[[int, int], None]
"""Is called with how many messages are over, and of how many."""


class Counts(NamedTuple):
    """How many messages wait in a queue, and how many consumers it has."""

    messages: int
    consumers: int


async def counts_of(connection: AbstractConnection, name: str) -> Counts:
    """Return what RabbitMQ says of the queue *name*.

    It says that there are none of either, too, when a quorum queue does not answer it within 250 ms
    (``rabbit_quorum_queue:stat``, 3.10 to 4.2).
    """
    async with connection.channel(publisher_confirms=False) as channel:
        found = (await channel.declare_queue(name, passive=True)).declaration_result
        return Counts(found.message_count or 0, found.consumer_count or 0)


async def waiting_in(connection: AbstractConnection, name: str) -> Counts:
    """Return what is in the queue *name*; that no message is there is believed once the queue itself gives none.

    That it has no consumer is asked for once more then. Raises what aio-pika raises.
    """
    counts = await counts_of(connection, name)
    if counts != NONE:
        return counts
    async with connection.channel(publisher_confirms=False) as channel:  # Gives back what came when it closes.
        queue = await channel.get_queue(name, ensure=False)
        message = await queue.get(fail=False, timeout=DELIVERY_SECONDS)
    counts = await counts_of(connection, name)
    if message is None:
        return counts
    return counts._replace(messages=1 + (message.message_count or 0))  # It is back in a moment.


async def transfer(
    source: AbstractConnection, target: AbstractConnection, name: str, user: str, reached: Reached
) -> int:
    """Let what waits in the queue *name* wait there at *target*, where *user* publishes it; return how much that was.

    A crash leaves a message at both ends, never at none. Raises ``MessagingError``, and what aio-pika raises; a
    ``TimeoutError`` also when somebody else takes what was counted.
    """
    tolerate_properties()
    count = (await waiting_in(source, name)).messages
    if not count:
        return 0
    async with (
        source.channel(publisher_confirms=False) as taking,
        target.channel(publisher_confirms=True, on_return_raises=True) as giving,
    ):
        exchange = await giving.declare_exchange(name, ExchangeType.FANOUT, durable=True)
        await (await giving.get_queue(name)).bind(exchange)
        await taking.set_qos(IN_FLIGHT_MAX)
        done = iter(range(1, count + 1))
        publisher = ConfirmedPublisher(_to(exchange, name, user), lambda _: reached(next(done), count), 1)
        async with (await taking.get_queue(name)).iterator(timeout=DELIVERY_SECONDS) as messages:
            for number in range(1, count + 1):
                await publisher.send(number, await anext(messages))
                if publisher.failure is not None:
                    break
            await publisher.drained(None)
        if publisher.failure is not None:
            raise _refused(name, publisher.failure)
        if name in WORK_QUEUES:
            await exchange.delete()
    return count


def _to(exchange: AbstractExchange, name: str, user: str) -> Callable[[AbstractIncomingMessage], Awaitable[None]]:
    async def publish(message: AbstractIncomingMessage) -> None:
        key = message.routing_key if message.exchange in {EVENTS_EXCHANGE, name} else WORK_QUEUES.get(name)
        await exchange.publish(copy_of(message, user), key or "", mandatory=True, timeout=CONFIRM_SECONDS)
        await message.ack()

    return publish


def copy_of(message: AbstractIncomingMessage, user: str) -> Message:
    """Return *message* as it came, as far as it can be written; whom it names stays only if that is *user*."""
    kept = kept_of(message.properties, message.headers)
    if "type" in kept.left_out:
        kept.properties["type"] = UNWRITABLE_TYPE
    return Message(
        message.body,
        headers={name: value for name, value in kept.headers.items() if name not in COUNTS},
        delivery_mode=DeliveryMode.PERSISTENT,
        user_id=user if message.user_id == user else None,
        **kept.properties,
    )


def _refused(name: str, failure: Exception) -> Exception:
    if isinstance(failure, DeliveryError):
        problem = f"the new RabbitMQ took no more into {name}: it is short of memory or disk, or lost the queue"
        return MessagingError(f"{problem}; what was not taken is still at the old one: run it again")
    return failure

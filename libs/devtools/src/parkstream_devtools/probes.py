"""Questions to RabbitMQ, each with a deadline; those to services are the client's."""

import msgspec
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError
from parkstream_events.topology import DEAD_LETTERS_QUEUE, WORK_QUEUES
from parkstream_service.unreachable import BROKER, UnreachableError, reason


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages wait, by queue."""

    waiting: dict[str, int]

    @property
    def work(self) -> int:
        """Messages that wait in the work queues."""
        return sum(self.waiting.get(name, 0) for name in WORK_QUEUES)

    @property
    def dead(self) -> int:
        """Dead letters."""
        return self.waiting.get(DEAD_LETTERS_QUEUE, 0)


async def queues(channel: AbstractChannel) -> Queues:
    """Count what waits in our queues; raise ``UnreachableError`` when one is missing or RabbitMQ is."""
    try:
        found = {name: await channel.declare_queue(name, passive=True) for name in [*WORK_QUEUES, DEAD_LETTERS_QUEUE]}
    except AMQPError as error:
        raise UnreachableError(BROKER, reason(error)) from error
    return Queues(waiting={name: queue.declaration_result.message_count or 0 for name, queue in found.items()})

"""The queue of dead letters: messages that were refused, with the reason; looked at one by one, and published again."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Self

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused
from msgspec import Struct
from parkstream_events import topology
from parkstream_events.sightings import moment_of
from parkstream_events.wire import Refusal

from parkstream_messaging.errors import MessagingError
from parkstream_messaging.tolerance import tolerate_properties
from parkstream_messaging.topology import server_version

GET_SECONDS: Final = 10.0
UNLIMITED_SINCE: Final = (4, 0)
ID_BYTES: Final = 8

Reached = Callable[[int], None]
"""Is called with how many messages were looked at."""


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter; *id* is the message's, or made of the body when it has none."""

    id: str
    type: str | None
    user: str | None
    """Who published it here, as RabbitMQ has checked; None when the message does not name anybody."""
    reason: str
    detail: str
    queue: str | None
    """Where it came from."""
    published_at: datetime | None
    headers: dict[str, Any]
    body: bytes

    @classmethod
    def of(cls, message: AbstractIncomingMessage) -> Self:
        """Return what *message* says."""
        headers = dict(message.headers)
        return cls(
            id=message.message_id or f"body:{blake2b(message.body, digest_size=ID_BYTES).hexdigest()}",
            type=message.type,
            user=message.user_id,
            reason=str(headers.get(topology.REASON_HEADER) or _death_of(headers, "reason") or "unknown"),
            detail=str(headers.get(topology.DETAIL_HEADER) or ""),
            queue=_queue_of(headers),
            published_at=_published_at(headers) or message.timestamp,
            headers=headers,
            body=message.body,
        )

    @property
    def routing_key(self) -> str | None:
        """The key by which it came to its queue, None when that is none of ours."""
        return topology.WORK_QUEUES.get(self.queue or "")

    @property
    def is_impossible(self) -> bool:
        """Whether it cannot be published again as what it was, or must not: its camera has no right to that queue."""
        return self.routing_key is None or self.lost_its_type or self.reason == Refusal.MISROUTED

    @property
    def lost_its_type(self) -> bool:
        """Whether its type could not be written: without one it would pass for the first version of its queue's."""
        return "type" in str(self.headers.get(topology.LEFT_OUT_HEADER) or "").split(",")


class Selection(Struct, frozen=True, kw_only=True):
    """Which letters are meant; what is empty does not matter."""

    ids: tuple[str, ...] = ()
    reason: str | None = None
    queue: str | None = None

    def selects(self, letter: Letter) -> bool:
        """Return whether *letter* is meant."""
        return (
            (not self.ids or letter.id in self.ids)
            and (self.reason is None or letter.reason == self.reason)
            and (self.queue is None or letter.queue == self.queue)
        )


class DeadLetters(NamedTuple):
    """The queue of dead letters, and how many were in it."""

    channel: AbstractChannel
    queue: AbstractQueue
    waiting: int

    def first(self, most: int) -> Self:
        """Return the first *most* of them."""
        return self._replace(waiting=min(self.waiting, most))

    async def messages(self, reached: Reached) -> AsyncIterator[AbstractIncomingMessage]:
        """Yield each message once; what comes meanwhile is left alone."""
        for nth in range(self.waiting):
            message = await self.queue.get(fail=False, timeout=GET_SECONDS)
            if message is None:  # Somebody else looks too.
                return
            yield message
            reached(nth + 1)


@asynccontextmanager
async def dead_letters(connection: AbstractConnection) -> AsyncGenerator[DeadLetters, None]:
    """Open the dead letters; whatever was not acknowledged goes back when this ends.

    That is RabbitMQ's own doing when a channel closes, so it holds for a crash too. Raises ``MessagingError`` when
    there is no such queue, or when its limit of deliveries would let RabbitMQ drop what is looked at too often. Who may
    not declare it cannot see that; the backend can, and reports it.
    """
    tolerate_properties()
    await _check_limit(await connection.channel(), connection)
    async with connection.channel(publisher_confirms=True, on_return_raises=True) as channel:
        queue = await channel.declare_queue(topology.DEAD_LETTERS_QUEUE, passive=True)
        yield DeadLetters(channel, queue, queue.declaration_result.message_count or 0)


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
        raise MessagingError(message) from error
    except ChannelAccessRefused:
        return
    except ChannelPreconditionFailed as error:
        message = (
            f"{name} was not declared as this version does it ({error}): RabbitMQ might drop letters that are looked "
            "at too often. Move them away (shovel), delete the queue, and start the backend, which declares it anew"
        )
        raise MessagingError(message) from error


def _queue_of(headers: Mapping[str, Any]) -> str | None:
    found = headers.get(topology.ORIGINAL_QUEUE_HEADER) or _death_of(headers, "queue")
    return str(found) if found else None


def _death_of(headers: Mapping[str, Any], what: str) -> object:
    """Return what RabbitMQ notes when it moves a message here by itself."""
    return headers.get(f"x-first-death-{what}")


def _published_at(headers: Mapping[str, Any]) -> datetime | None:
    value = headers.get(topology.PUBLISHED_AT_HEADER)
    try:
        return moment_of(value) if isinstance(value, int) else None
    except OverflowError:
        return None

"""The queue of dead letters: messages that were refused, with the reason; looked at one by one, and published again."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Self

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed, DeliveryError
from msgspec import Struct, field
from parkstream_events import topology
from parkstream_events.sightings import moment_of

from parkstream_messaging.tolerance import tolerate_properties
from parkstream_messaging.topology import MessagingError, server_version

ADDED: Final = {
    topology.REASON_HEADER,
    topology.DETAIL_HEADER,
    topology.ORIGINAL_QUEUE_HEADER,
    topology.LEFT_OUT_HEADER,
}
"""By the backend, when it refused the message."""
ADDED_BY_RABBITMQ: Final = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count")
ROUTING: Final = {"CC", "BCC"}
"""RabbitMQ would route by them once more."""
GET_SECONDS: Final = 10.0
CONFIRM_SECONDS: Final = 10.0
UNLIMITED_SINCE: Final = (4, 0)
ID_BYTES: Final = 8

Reached = Callable[[int], None]
"""Is called with how many messages were looked at."""


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter; *id* is the message's, or made of the body when it has none."""

    id: str
    type: str | None
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
    there is no such queue, or when its limit of deliveries would let RabbitMQ drop what is looked at too often.
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
    except ChannelPreconditionFailed as error:
        message = (
            f"{name} was not declared as this version does it ({error}): RabbitMQ might drop letters that are looked "
            "at too often. Move them away (shovel), delete the queue, and start the backend, which declares it anew"
        )
        raise MessagingError(message) from error


class Redriven(Struct, kw_only=True):
    """What became of the dead letters: ids of those that were published again, how many stay."""

    dry_run: bool
    redriven: list[str] = field(default_factory=list[str])
    impossible: list[str] = field(default_factory=list[str])
    """Selected, but nothing says from which queue they came, or they cannot be written as they were read."""
    unknown: list[str] = field(default_factory=list[str])
    """Ids that were asked for, and not found."""
    stay: int = 0

    @property
    def complete(self) -> bool:
        """Whether all that was asked for could be done."""
        return not self.impossible and not self.unknown


async def redrive(letters: DeadLetters, selection: Selection, reached: Reached, *, dry_run: bool) -> Redriven:
    """Publish what *selection* selects, and acknowledge each after its confirm; the rest stays.

    A crash between the two leaves one letter that was published already: as an event of the same id it is a duplicate,
    which the log ignores.
    """
    exchange = await _exchange(letters)
    done = Redriven(dry_run=dry_run)
    asked = set(selection.ids)
    async for message in letters.messages(reached):
        letter = Letter.of(message)
        asked.discard(letter.id)
        if not selection.selects(letter):
            done.stay += 1
        elif letter.routing_key is None or letter.lost_its_type or not can_be_published(original(message)):
            done.impossible.append(letter.id)
            done.stay += 1
        else:
            if not dry_run:
                await _publish_again(exchange, message, letter.routing_key)
            done.redriven.append(letter.id)
    done.unknown = sorted(asked)
    return done


async def _publish_again(exchange: AbstractExchange, message: AbstractIncomingMessage, key: str) -> None:
    try:
        await exchange.publish(original(message), key, mandatory=True, timeout=CONFIRM_SECONDS)
    except DeliveryError as error:
        problem = f"no queue took {key}: start the backend, which declares it; what was not redriven stays"
        raise MessagingError(problem) from error
    await message.ack()


async def _exchange(letters: DeadLetters) -> AbstractExchange:
    try:
        return await letters.channel.get_exchange(topology.EVENTS_EXCHANGE, ensure=True)
    except ChannelNotFoundEntity as error:
        message = f"there is no exchange {topology.EVENTS_EXCHANGE}: start the backend, which declares it"
        raise MessagingError(message) from error


def original(message: AbstractIncomingMessage) -> Message:
    """Return *message* as it was published: its body, properties and headers, without those that were added since."""
    return Message(
        message.body,
        headers={name: value for name, value in message.headers.items() if not _added(name)},
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        delivery_mode=DeliveryMode.PERSISTENT,
        priority=message.priority,
        correlation_id=message.correlation_id,
        reply_to=message.reply_to,
        message_id=message.message_id,
        timestamp=message.timestamp,
        type=message.type,
        app_id=message.app_id,
    )


def can_be_published(message: Message) -> bool:
    """Return whether all properties and headers of *message* can be written as they were read."""
    try:
        message.properties.marshal()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _added(name: str) -> bool:
    return name in ADDED or name in ROUTING or name.startswith(ADDED_BY_RABBITMQ)


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

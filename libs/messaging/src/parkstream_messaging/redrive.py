"""Dead letters published again: only those that the backend put there, as they were published."""

from collections.abc import Collection
from typing import Final

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity, DeliveryError
from msgspec import Struct, field
from parkstream_events import topology

from parkstream_messaging.dead_letters import DeadLetters, Letter, Reached, Selection
from parkstream_messaging.errors import MessagingError

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
CONFIRM_SECONDS: Final = 10.0


class Redriven(Struct, kw_only=True):
    """What became of the dead letters: ids of those that were published again, how many stay."""

    dry_run: bool
    redriven: list[str] = field(default_factory=list[str])
    untrusted: list[str] = field(default_factory=list[str])
    """Selected, but nobody vouches for them: another user than the backend's published them, or RabbitMQ moved them."""
    impossible: list[str] = field(default_factory=list[str])
    """Selected, but nothing says from which queue they came, or they cannot be written as they were read."""
    unknown: list[str] = field(default_factory=list[str])
    """Ids that were asked for, and not found."""
    stay: int = 0

    @property
    def complete(self) -> bool:
        """Whether all that was asked for could be done."""
        return not self.untrusted and not self.impossible and not self.unknown


async def redrive(
    letters: DeadLetters, selection: Selection, reached: Reached, *, trusted: Collection[str] | None, dry_run: bool
) -> Redriven:
    """Publish what *selection* selects, and acknowledge each after its confirm; the rest stays.

    Only what a user of *trusted* has published here: a letter that somebody has forged would become a sighting.

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
        elif trusted is not None and letter.user not in trusted:
            done.untrusted.append(letter.id)
            done.stay += 1
        elif letter.is_impossible or not can_be_published(original(message)):
            done.impossible.append(letter.id)
            done.stay += 1
        else:
            if not dry_run:
                await _publish_again(exchange, message, str(letter.routing_key))
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
        for queue in topology.WORK_QUEUES:  # A confirm says nothing of a queue that is not there.
            await letters.channel.declare_queue(queue, passive=True)
        return await letters.channel.get_exchange(topology.EVENTS_EXCHANGE, ensure=True)
    except ChannelNotFoundEntity as error:
        message = f"the queues of sightings are not there ({error}): start the backend, which declares them"
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

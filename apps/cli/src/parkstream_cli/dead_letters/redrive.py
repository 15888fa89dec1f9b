"""Dead letters once more the ordinary way: confirmed there before they are gone here."""

from typing import Final

from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity, DeliveryError
from msgspec import Struct, field
from parkstream_events import topology

from parkstream_cli.dead_letters.letters import Letter, Selection, can_be_published, original
from parkstream_cli.dead_letters.queue_reader import Lying
from parkstream_cli.errors import ToolError
from parkstream_cli.progress import progress

CONFIRM_SECONDS: Final = 10.0


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


async def redrive(letters: Lying, selection: Selection, *, dry_run: bool) -> Redriven:
    """Publish what *selection* selects, and acknowledge each after its confirm; the rest stays.

    A crash between the two leaves one letter that was published already: as an event of the same id it is a duplicate,
    which the log ignores.
    """
    exchange = await _exchange(letters)
    done = Redriven(dry_run=dry_run)
    asked = set(selection.ids)
    with progress("redriving" if not dry_run else "reading", letters.waiting) as reached:
        async for message in letters.messages(reached):
            letter = Letter.of(message)
            asked.discard(letter.id)
            if not selection.selects(letter):
                done.stay += 1
            elif letter.routing_key is None or not can_be_published(original(message)):
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
        raise ToolError(problem) from error
    await message.ack()


async def _exchange(letters: Lying) -> AbstractExchange:
    try:
        return await letters.channel.get_exchange(topology.EVENTS_EXCHANGE, ensure=True)
    except ChannelNotFoundEntity as error:
        message = f"there is no exchange {topology.EVENTS_EXCHANGE}: start the backend, which declares it"
        raise ToolError(message) from error

"""What is refused leaves the work queue for ``parking.dead-letters``: as it came, with the reason beside it.

Published and confirmed over a connection of its own before the original is acknowledged. (``basic.reject`` can carry no
reason.) What cannot be published waits, here and unacknowledged in RabbitMQ, and holds back nothing else.
"""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from aio_pika import Message
from aio_pika.exceptions import ChannelNotFoundEntity, PublishError
from msgspec import Struct
from parkstream_events.wire import UnreadableError
from parkstream_messaging.batch_subscriber import Delivery
from parkstream_messaging.confirmed_channel import ConfirmedChannel, is_away
from parkstream_messaging.errors import MessagingError
from parkstream_messaging.letter import letter_of
from parkstream_messaging.topology import DEAD_LETTERS, DEAD_LETTERS_EXCHANGE, declare_over
from parkstream_service.retry import retried
from parkstream_telemetry import Span, Telemetry, names

WAITING_MAX: Final = 1_000
"""How many deliveries a consumer may hold beside its prefetch: so many letters may wait, and no good one does."""
AT_ONCE_MAX: Final = 100
UNUSUAL_SECONDS: Final = 5.0
"""A letter that waits for longer than that is a problem."""
FINISH_SECONDS: Final = 3.0
BLOCKED: Final = "RabbitMQ takes no messages: memory or disk is short there"
UNCONFIRMED: Final = "RabbitMQ has not confirmed it yet"


class WaitingLetter(Struct, frozen=True, eq=False):
    """A letter that is not confirmed yet."""

    message: Message
    delivery: Delivery
    safe: asyncio.Future[bool]
    since: float
    """Seconds since 1970-01-01."""

    @property
    def key(self) -> tuple[str | None, bytes]:
        """What says that another delivery is of the same message."""
        return self.message.message_id, self.message.body


class DeadLetters:
    """Publishes refused messages over *channel* until RabbitMQ has confirmed each; ``run`` does the work."""

    def __init__(self, channel: ConfirmedChannel, telemetry: Telemetry) -> None:
        self._channel = channel
        self._telemetry = telemetry
        self._waiting: list[WaitingLetter] = []
        self._arrived = asyncio.Event()
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._finishing = False
        self._failure = ""
        self._unacknowledged: Counter[tuple[str | None, bytes]] = Counter()
        """Letters that are safe, but whose channel had died: their messages are delivered once more."""
        telemetry.watch(names.DEAD_LETTERS_WAITING, lambda: len(self._waiting))
        telemetry.watch(names.DEAD_LETTERS_WAITING_AGE, lambda: self.age_seconds)

    @property
    def age_seconds(self) -> float:
        """For how long the oldest letter has been waiting."""
        return max(0.0, time.time() - self._waiting[0].since) if self._waiting else 0.0

    async def problem(self) -> str:
        """Say how many letters wait, since when and why; nothing while none does for longer than usual."""
        if not self._waiting or (self.age_seconds < UNUSUAL_SECONDS and not self._failure):
            return ""
        since = datetime.fromtimestamp(self._waiting[0].since, UTC).isoformat(timespec="seconds")
        why = self._failure or (BLOCKED if await self._channel.blocked() else UNCONFIRMED)
        return f"{len(self._waiting)} refused messages wait for the dead letters since {since}: {why}"

    async def publish(self, delivery: Delivery, queue: str, refusal: UnreadableError, span: Span) -> bool:
        """Return True when *delivery* from *queue*, processed as *span*, is safe among the dead letters.

        False when its channel died before: RabbitMQ delivers it again.
        """
        message = letter_of(delivery, queue, refusal.reason.value, refusal.detail)
        letter = WaitingLetter(message, delivery, asyncio.get_running_loop().create_future(), time.time())
        self._waiting.append(letter)
        self._arrived.set()
        if not await letter.safe:
            return False
        self._telemetry.add(names.DEAD_LETTERS, reason=refusal.reason.value)
        self._telemetry.log(
            names.EVENT_DEAD_LETTERED, span=span, reason=refusal.reason.value, detail=refusal.public, queue=queue
        )
        return True

    async def run(self) -> None:
        """Declare their queue, then publish what waits, as it comes."""
        await self._declare_once()
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting and not self._finishing:
                await retried(
                    self._publish_some, when=_passes, on_retry=self._failed, first_seconds=0.1, most_seconds=5.0
                )

    async def finish(self) -> None:
        """Publish nothing more; return when what is on its way is confirmed, or does not seem to be."""
        self._finishing = True
        at_rest = asyncio.create_task(self._at_rest.wait())
        await asyncio.wait({at_rest}, timeout=FINISH_SECONDS)
        at_rest.cancel()

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def _declare_once(self) -> None:
        """So that their queue can be looked into; whoever publishes to it declares it again, if need be."""
        try:
            await self._declare()
        except Exception as error:
            if not _passes(error):
                raise
            self._telemetry.log(names.EVENT_WAITING, dependency="rabbitmq", detail=f"{type(error).__name__}: {error}")

    async def _declare(self) -> None:
        await self._channel.opened()
        await declare_over(self._channel.connection, {DEAD_LETTERS_EXCHANGE: (DEAD_LETTERS,)})

    async def _publish_some(self) -> None:
        """Publish the first letters at once, only one after a failure; raise the first failure, which may pass."""
        await self._channel.opened()
        if await self._channel.blocked():
            raise ConnectionError(BLOCKED)
        self._at_rest.clear()
        try:
            results = await asyncio.gather(*map(self._publish_one, self._next()), return_exceptions=True)
        finally:
            self._at_rest.set()
        failures = [result for result in results if result is not None]
        if any(isinstance(failure, PublishError | ChannelNotFoundEntity) for failure in failures):
            await self._declare()
        if failures:
            await self._channel.renew()
            raise failures[0]
        self._failure = ""

    def _next(self) -> list[WaitingLetter]:
        """Return letters of different ids; forget those whose channel died, or that were safe before it did."""
        for letter in list(self._waiting):
            if letter.delivery.channel.is_closed:
                self._settle(letter, safe=False)
            elif letter.delivery.redelivered and self._unacknowledged[letter.key] > 0:
                self._unacknowledged[letter.key] -= 1
                self._settle(letter, safe=True)
        batch: dict[object, WaitingLetter] = {}
        for letter in [] if self._finishing else self._waiting[: 1 if self._failure else AT_ONCE_MAX]:
            batch.setdefault(letter.message.message_id or letter, letter)
        return list(batch.values())

    async def _publish_one(self, letter: WaitingLetter) -> None:
        await self._channel.publish(letter.message, DEAD_LETTERS.routing_key)
        if letter.delivery.channel.is_closed:
            self._unacknowledged[letter.key] += 1
        self._settle(letter, safe=True)

    def _settle(self, letter: WaitingLetter, *, safe: bool) -> None:
        self._waiting.remove(letter)
        if not letter.safe.done():
            letter.safe.set_result(safe)

    def _failed(self, error: Exception) -> None:
        self._failure = f"{type(error).__name__}: {error}"
        self._telemetry.log(names.EVENT_WAITING, dependency="rabbitmq", detail=self._failure)


def _passes(error: Exception) -> bool:
    return is_away(error) or isinstance(error, MessagingError)

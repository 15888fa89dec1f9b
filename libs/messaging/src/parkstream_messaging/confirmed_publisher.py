"""Many publishes at once, each until RabbitMQ has confirmed it; knows up to where all are."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from aio_pika.exceptions import AMQPError
from aiormq.exceptions import ChannelInvalidStateError
from parkstream_service.retry import uncancelled

IN_FLIGHT_MAX: Final = 400
FAILURES: Final = (AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError)
"""What a publish may end with while RabbitMQ is away, restarts, or has lost a queue; see ``uncancelled``, too."""

MessageT = TypeVar("MessageT")


class ConfirmedPublisher(Generic[MessageT]):
    """Publishes numbered messages with *publish*, up to ``IN_FLIGHT_MAX`` at once; stops at the first failure.

    ``publish(message)`` returns when RabbitMQ has confirmed it; then ``on_confirmed(message)`` is called.
    """

    def __init__(
        self,
        publish: Callable[[MessageT], Awaitable[None]],
        on_confirmed: Callable[[MessageT], None],
        first: int,
    ) -> None:
        self._publish = publish
        self._on_confirmed = on_confirmed
        self._room = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._outstanding: dict[int, asyncio.Task[None]] = {}
        self._passed = first - 1
        self.failure: Exception | None = None
        """The first one; nothing is published after it."""

    @property
    def through(self) -> int:
        """The last number up to which everything is confirmed or was passed over."""
        return next(iter(self._outstanding), self._passed + 1) - 1

    @property
    def unconfirmed(self) -> int:
        """How many are published, but not confirmed."""
        return len(self._outstanding)

    def pass_over(self, number: int) -> None:
        """Note that there is no message with this *number*."""
        self._passed = number

    async def send(self, number: int, message: MessageT) -> None:
        """Publish *message*, the next one, as soon as there is room; not after a failure."""
        await self._room.acquire()
        if self.failure is None:
            self._passed = number
            self._outstanding[number] = asyncio.create_task(self._confirm(number, message))

    async def drained(self, within_seconds: float | None) -> None:
        """Wait for what is under way, but for no longer than that; None is until each has its answer."""
        tasks = [task for task in self._outstanding.values() if not task.done()]
        if tasks:
            await asyncio.wait(tasks, timeout=within_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _confirm(self, number: int, message: MessageT) -> None:
        try:
            await uncancelled(lambda: self._publish(message))
        except FAILURES as error:
            self.failure = self.failure or error
        else:
            del self._outstanding[number]
            self._on_confirmed(message)
        finally:
            self._room.release()

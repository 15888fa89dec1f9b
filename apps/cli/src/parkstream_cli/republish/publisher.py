"""Many publishes at once, each until RabbitMQ has confirmed it; knows up to where all are."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aio_pika.exceptions import AMQPError
from aiormq.exceptions import ChannelInvalidStateError
from parkstream_events.sightings import Direction

from parkstream_cli.republish.messages import Message

IN_FLIGHT_MAX: Final = 400
FAILURES: Final = (AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError, asyncio.CancelledError)
"""What a publish may end with; aiormq cancels who waits for a confirm when a channel dies."""

Publish = Callable[[Message], Awaitable[None]]
"""Returns when RabbitMQ has confirmed a message."""


class Outlet:
    """Publishes with *publish*, up to ``IN_FLIGHT_MAX`` at once; the first failure is kept and ends it."""

    def __init__(self, publish: Publish, first: int) -> None:
        self._publish = publish
        self._room = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._outstanding: dict[int, asyncio.Task[None]] = {}
        self._passed = first - 1
        self.confirmed = dict.fromkeys(Direction, 0)
        self.failure: BaseException | None = None

    @property
    def through(self) -> int:
        """The last position up to which everything is confirmed or was passed over."""
        return next(iter(self._outstanding), self._passed + 1) - 1

    @property
    def unconfirmed(self) -> int:
        """How many are sent, but not confirmed."""
        return len(self._outstanding)

    def pass_over(self, position: int) -> None:
        """Note that what is at *position* is not sent."""
        self._passed = position

    async def send(self, message: Message) -> None:
        """Publish *message*, the next one, as soon as there is room; not after a failure."""
        await self._room.acquire()
        if self.failure is None:
            self._passed = message.position
            self._outstanding[message.position] = asyncio.create_task(self._confirm(message))

    async def drained(self, within_seconds: float | None) -> None:
        """Wait for what is under way, but for no longer than that; None is until each has its answer."""
        tasks = [task for task in self._outstanding.values() if not task.done()]
        if tasks:
            await asyncio.wait(tasks, timeout=within_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _confirm(self, message: Message) -> None:
        try:
            await self._publish(message)
        except FAILURES as error:
            self.failure = self.failure or error
        else:
            del self._outstanding[message.position]
            self.confirmed[message.direction] += 1
        finally:
            self._room.release()

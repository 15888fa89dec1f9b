"""Whether RabbitMQ is there: it is asked, again and again, and must answer in time.

A connection is open for as long as nobody closes it: packets that vanish, a frozen server or a queue that was deleted
never show in the local socket. Two questions are asked: over the connection that consumes, whether its queues are there
(no answer: it is torn down, and made anew); over one of its own, to declare what record needs (so what was deleted
is there again, and what is there otherwise is named).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aio_pika.abc import AbstractConnection, AbstractRobustConnection
from aiormq.abc import AbstractChannel

from parkstream_messaging.batch_subscriber import BatchSubscriber
from parkstream_messaging.confirmed_channel import is_away
from parkstream_messaging.errors import MessagingError
from parkstream_messaging.hang_up import hang_up
from parkstream_messaging.nodes import CONNECT_TIMEOUT_SECONDS, Nodes
from parkstream_messaging.topology import RECORDED, declare_over

EVERY_SECONDS: Final = 1.0
LATE_SECONDS: Final = 3.0
"""An answer that takes longer is a problem."""
ANSWER_SECONDS: Final = 8.0
"""An answer does not come any more when nothing else has come for so long either."""
WAIT_SECONDS_MAX: Final = 60.0
"""Nor after so long; what was delivered before it (``PREFETCH_COUNT`` of each queue) is read by then."""
IDLE_TIMES_MAX: Final = 15
"""How often a consumer may be found missing before its connection is made anew; it mostly comes back by itself."""


class Question:
    """Asks with *ask* again and again, each time with a deadline; calls *give_up* when there was no answer.

    *heard* counts what else comes from RabbitMQ: who has too much to do to read the answer must not be cut off too.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[None]],
        give_up: Callable[[Exception], Awaitable[None]],
        heard: Callable[[], int] = lambda: 0,
    ) -> None:
        self._ask = ask
        self._give_up = give_up
        self._heard = heard
        self._problem = "not asked yet"
        self._asked_at: float | None = None
        """Since when there has been no answer."""

    @property
    def problem(self) -> str:
        """What is wrong; nothing when the last answer was good, and the next is not late."""
        if self._asked_at is not None:
            waited = asyncio.get_running_loop().time() - self._asked_at
            if waited > LATE_SECONDS:
                return f"RabbitMQ has not answered for {waited:.0f} s"
        return self._problem

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            await self.put()
            await asyncio.sleep(EVERY_SECONDS)

    async def put(self) -> None:
        """Ask once; raise what does not pass."""
        if self._asked_at is None:
            self._asked_at = asyncio.get_running_loop().time()
        asking = asyncio.ensure_future(self._ask())
        if not await self._is_answered(asking):
            asking.cancel()  # Not waited for: to cancel a call, aiormq may wait for a socket that takes nothing.
            waited = asyncio.get_running_loop().time() - self._asked_at
            await self._give_up(TimeoutError(f"RabbitMQ did not answer within {waited:.0f} s"))
            return
        self._asked_at, error = None, asking.exception()
        if error is None:
            self._problem = ""
        elif isinstance(error, Exception) and (is_away(error) or isinstance(error, MessagingError)):
            self._problem = str(error) if isinstance(error, MessagingError) else f"{type(error).__name__}: {error}"
        else:
            raise error

    async def _is_answered(self, asking: asyncio.Future[None]) -> bool:
        ends_at = asyncio.get_running_loop().time() + WAIT_SECONDS_MAX
        while True:
            heard = self._heard()
            done, _ = await asyncio.wait({asking}, timeout=ANSWER_SECONDS)
            if done or self._heard() == heard or asyncio.get_running_loop().time() > ends_at:
                return bool(done)


class Consuming:
    """Asks over the *connection* that *subscribers* consume on."""

    def __init__(self, connection: AbstractRobustConnection, subscribers: Sequence[BatchSubscriber]) -> None:
        self._connection = connection
        self._subscribers = subscribers
        self._channel: AbstractChannel | None = None
        self._times_idle = 0

    async def ask(self) -> None:
        """Return when the queues are there and consumed; raise what is wrong."""
        transport = self._connection.transport
        if transport is None or transport.connection.is_closed:
            message = "not connected to RabbitMQ"
            raise ConnectionError(message)
        if self._channel is None or self._channel.is_closed or self._channel.connection is not transport.connection:
            self._channel = await transport.connection.channel(publisher_confirms=False)
        for subscriber in self._subscribers:
            await self._channel.queue_declare(queue=subscriber.queue.name, passive=True)
        idle = [subscriber.queue.name for subscriber in self._subscribers if not subscriber.consuming]
        self._times_idle = self._times_idle + 1 if idle else 0
        if idle:
            message = f"the consumer of {' and '.join(idle)} is gone, and is not back yet"
            if self._times_idle >= IDLE_TIMES_MAX:
                self._times_idle = 0
                await self.give_up(MessagingError(message))
            raise MessagingError(message)

    def heard(self) -> int:
        """Return how much was delivered so far."""
        return sum(subscriber.taken for subscriber in self._subscribers)

    async def give_up(self, error: Exception) -> None:
        """Tear the connection down; being robust, it is made anew with all that was on it."""
        self._channel = None
        await hang_up(self._connection, error)


class Declaring:
    """Declares what record needs over a connection of its own to *url*, so that nothing waits for an answer."""

    def __init__(self, url: str) -> None:
        self._nodes = Nodes(url)
        self._connection: AbstractConnection | None = None

    async def ask(self) -> None:
        """Return when everything is there as it must be; raise what is wrong."""
        connection = self._connection
        if connection is None or connection.transport is None or connection.transport.connection.is_closed:
            await self.close()
            connection = self._connection = await self._nodes.connect(CONNECT_TIMEOUT_SECONDS)
        await declare_over(connection, RECORDED)

    async def give_up(self, _: Exception) -> None:
        """Ask over another connection the next time."""
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await hang_up(connection)


class Watch:
    """Both questions; ``start`` when the broker has subscribed."""

    def __init__(self, url: str) -> None:
        self._declaring = Declaring(url)
        self._questions: list[Question] = []

    @property
    def problem(self) -> str:
        """What is wrong, as the last answers and their lateness say."""
        return "; ".join(dict.fromkeys(one.problem for one in self._questions if one.problem))

    async def run(self, connection: AbstractRobustConnection, subscribers: Sequence[BatchSubscriber]) -> None:
        """Ask for ever."""
        consuming, declaring = Consuming(connection, subscribers), self._declaring
        self._questions = [
            Question(consuming.ask, consuming.give_up, consuming.heard),
            Question(declaring.ask, declaring.give_up),
        ]
        async with asyncio.TaskGroup() as group:
            for question in self._questions:
                group.create_task(question.run())

    async def close(self) -> None:
        """Close the connection that is only for asking."""
        await self._declaring.close()

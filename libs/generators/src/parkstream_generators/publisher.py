"""Publishes what is meant, many at once, each until it is confirmed; then has it counted."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aio_pika.exceptions import DeliveryError, PublishError
from parkstream_messaging.confirmed_publisher import FAILURES, IN_FLIGHT_MAX
from parkstream_messaging.errors import TopologyMissingError
from parkstream_service.retry import retried, uncancelled

from parkstream_generators.event_publisher import TIMEOUT_SECONDS, Send
from parkstream_generators.intent_store import IntentStore
from parkstream_generators.intents import Intent

SETTLE_MAX: Final = 500
RECOVERY_PAUSE_SECONDS: Final = 0.2


class Publisher:
    """A bounded buffer before *send*; ``run`` it in a task, ``offer`` no more than there is ``room`` for.

    *check* makes sure of the queues; it is awaited after each failure, before the event is published again. *renew*
    makes the connection anew, when RabbitMQ has rejected one: a queue whose leader has died goes on rejecting what
    comes over the channel that it had been used by.
    ``on_away(error, buffered)`` is called when publishing fails, ``on_confirmed(count)`` when events are counted.
    """

    def __init__(  # noqa: PLR0913 - the edge is put together here
        self,
        send: Send,
        intent_store: IntentStore,
        check: Callable[[], Awaitable[None]],
        renew: Callable[[], Awaitable[None]] | None = None,
        *,
        buffer_max: int,
        on_away: Callable[[Exception, int], None],
        on_confirmed: Callable[[Sequence[Intent]], None],
    ) -> None:
        self._send = send
        self._intent_store = intent_store
        self._check = check
        self._renew = renew
        self._buffer_max = buffer_max
        self._on_away = on_away
        self._on_confirmed = on_confirmed
        self._queue: asyncio.Queue[Intent] = asyncio.Queue()
        self._confirmed: list[Intent] = []
        self._something_confirmed = asyncio.Event()
        self._something_settled = asyncio.Event()
        self._recovering = asyncio.Lock()
        self._recovered_at = 0.0
        self.buffered = 0
        """How many events are meant but not confirmed and counted."""

    @property
    def room(self) -> int:
        """How many more events the buffer takes."""
        return max(0, self._buffer_max - self.buffered)

    def offer(self, intents: Sequence[Intent]) -> None:
        """Publish *intents*, which are kept, as soon as possible."""
        self.buffered += len(intents)
        now_us = time.time_ns() // 1000
        for intent in intents:
            if intent.publish_at_us > now_us:
                delay_seconds = (intent.publish_at_us - now_us) / 1_000_000
                asyncio.get_running_loop().call_later(delay_seconds, self._queue.put_nowait, intent)
            else:
                self._queue.put_nowait(intent)

    async def run(self) -> None:
        """Publish and count until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settle(), name="settle")
            for number in range(IN_FLIGHT_MAX):
                group.create_task(self._work(), name=f"publish-{number}")

    async def emptied(self) -> None:
        """Return when everything offered is confirmed and counted."""
        while self.buffered:
            self._something_settled.clear()
            await self._something_settled.wait()

    async def _work(self) -> None:
        while True:
            intent = await self._queue.get()
            for _ in range(intent.copies):
                while not await self._confirmed_by_broker(intent):
                    pass
            self._confirmed.append(intent)
            self._something_confirmed.set()

    async def _confirmed_by_broker(self, intent: Intent) -> bool:
        """Publish *intent* once; return whether it was confirmed, and if not, only when RabbitMQ is back."""
        started_at = asyncio.get_running_loop().time()
        try:
            await uncancelled(lambda: self._send(intent))
        except FAILURES as error:
            await self._recover(started_at, error)
            return False
        return True

    async def _recover(self, failed_from: float, error: Exception) -> None:
        """Return when the queues are there again; what fails at the same time waits for one recovery."""
        async with self._recovering:
            if self._recovered_at > failed_from:
                return
            self._on_away(error, self.buffered)
            if self._renew is not None and isinstance(error, DeliveryError) and not isinstance(error, PublishError):
                await self._renew()
            await asyncio.sleep(RECOVERY_PAUSE_SECONDS)
            await retried(self._check_in_time, when=_is_failure, first_seconds=RECOVERY_PAUSE_SECONDS)
            self._recovered_at = asyncio.get_running_loop().time()

    async def _check_in_time(self) -> None:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self._check()

    async def _settle(self) -> None:
        while True:
            await self._something_confirmed.wait()
            batch, self._confirmed = self._confirmed[:SETTLE_MAX], self._confirmed[SETTLE_MAX:]
            if not self._confirmed:
                self._something_confirmed.clear()
            await self._intent_store.settle(batch)
            self.buffered -= len(batch)
            self._on_confirmed(batch)
            self._something_settled.set()


def _is_failure(error: Exception) -> bool:
    return isinstance(error, (*FAILURES, TopologyMissingError))

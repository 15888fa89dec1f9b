"""What every consumer of a work queue reports: up to when all that RabbitMQ gave it is recorded.

RabbitMQ does not say what its consumers hold. So each asks its channel a question, which is answered after all that
was delivered before, and reports the time of the question once all of that is recorded. Who stands still, is cut off,
or holds what cannot be recorded, reports nothing new.
"""

import asyncio
import secrets
import socket
from typing import Any, Final, NamedTuple, Protocol

from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel
from parkstream_events.keys import BackendKeys
from parkstream_events.units import DAY_US, SECOND_US
from parkstream_service.redis import is_transient
from parkstream_service.retry import retried
from redis.asyncio import Redis

REPORT_SECONDS: Final = 0.25


class Report(NamedTuple):
    """What a consumer reports; times by the clock of Redis, in microseconds."""

    subscribed_us: int
    """It was subscribed by then."""
    recorded_us: int
    """All that was delivered to it before is recorded."""
    leaves_us: int = 0
    """Since when it takes nothing more, and finishes what it has; 0 while it consumes."""


class ConsumerReports:
    """The last report of each consumer, per queue."""

    def __init__(self, redis: Redis, keys: BackendKeys) -> None:
        self._redis: Any = redis  # Its own types are partial.
        self._keys = keys

    async def now_us(self) -> int:
        """Return the time by Redis' clock."""
        seconds, microseconds = await self._redis.time()
        return int(seconds) * SECOND_US + int(microseconds)

    async def put(self, queue: str, consumer: str, report: Report) -> None:
        """Keep *report* in place of the one before."""
        value = ":".join(map(str, report))
        await self._redis.execute_command("HSET", self._keys.consumer_reports(queue), consumer, value)

    async def remove(self, queue: str, consumer: str) -> None:
        """Forget a consumer that is gone."""
        await self._redis.execute_command("HDEL", self._keys.consumer_reports(queue), consumer)

    async def of(self, queue: str) -> list[Report]:
        """Return the last report of each consumer of *queue*; those that were killed a day ago are forgotten."""
        key = self._keys.consumer_reports(queue)
        kept: dict[bytes, bytes] = await self._redis.execute_command("HGETALL", key)
        found = {consumer: Report(*map(int, value.split(b":"))) for consumer, value in kept.items()}
        latest_us = max(map(max, found.values()), default=0)
        if gone := [consumer for consumer, report in found.items() if max(report) < latest_us - DAY_US]:
            await self._redis.execute_command("HDEL", key, *gone)
        return list(found.values())


class Consumer(Protocol):
    """Takes what a queue holds: a ``BatchSubscriber``."""

    async def handled(self) -> AbstractChannel | None:
        """Return when all that was delivered before is handled: the channel, None when nothing is consumed."""
        ...


class Reporter:
    """Reports for this process' *consumer* of *queue*."""

    def __init__(self, queue: str, consumer: Consumer, reports: ConsumerReports) -> None:
        self._queue = queue
        self._consumer = consumer
        self._reports = reports
        self._name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self._channel: AbstractChannel | None = None
        self._subscribed_us = 0

    async def run(self) -> None:
        """Report for ever; may be cancelled anywhere."""
        while True:
            await retried(self.report, when=_passes)  # Others report what is away.
            await asyncio.sleep(REPORT_SECONDS)

    async def report(self) -> None:
        """Report once all that was delivered by now is recorded; a new channel is only noted."""
        asked_us = await self._reports.now_us()
        channel = await self._consumer.handled()
        if channel is None or channel.is_closed:
            return
        if channel is self._channel:
            await self._reports.put(self._queue, self._name, Report(self._subscribed_us, asked_us))
        else:
            self._channel, self._subscribed_us = channel, await self._reports.now_us()

    async def leave(self) -> None:
        """Say that what this process holds is not counted by RabbitMQ any more, and not recorded yet."""
        now_us = await self._reports.now_us()
        await self._reports.put(self._queue, self._name, Report(self._subscribed_us, 0, now_us))

    async def left(self) -> None:
        """Say that this process holds nothing any more."""
        await self._reports.remove(self._queue, self._name)


def _passes(error: Exception) -> bool:
    return is_transient(error) or isinstance(error, CONNECTION_EXCEPTIONS)

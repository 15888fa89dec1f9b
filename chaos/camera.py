"""The cameras: they publish until RabbitMQ has confirmed each sighting, whatever becomes of it meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, DeliveryError
from parkstream_devtools.faults.loop_thread import LoopThread
from parkstream_devtools.probes import Queues, queues
from parkstream_events import topology, wire
from parkstream_events.units import SECOND_US
from parkstream_messaging.nodes import Nodes

from chaos.traffic import Cars, Event

CARS_AT_ONCE: Final = 20
CONFIRM_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.1
CLOSE_SECONDS: Final = 1.0
AWAY: Final = (*CONNECTION_EXCEPTIONS, DeliveryError, TimeoutError)
TYPES: Final = {topology.ENTERED_KEY: wire.ENTERED, topology.EXITED_KEY: wire.EXITED}


class Camera:
    """All gates' cameras, in a thread of their own; they see *cars*."""

    def __init__(self, url: str, cars: Cars) -> None:
        self.cars = cars
        self.confirmed = 0
        self._nodes, self._counted_at = Nodes(url), Nodes(url)
        self._thread = LoopThread("cameras")
        self._connection: AbstractConnection | None = None
        self._events: AbstractExchange | None = None
        self._driven: Future[None] | None = None

    def begin(self, sightings: int, pause_seconds: float) -> None:
        """Let cars pass until there are *sightings* more, and return at once."""
        self._driven = self._thread.begin(self._drive(self.cars.traffic.sightings + sightings, pause_seconds))

    @property
    def done(self) -> bool:
        """Whether all of them are confirmed; raises what ended them otherwise."""
        if self._driven is None or not self._driven.done():
            return self._driven is None
        self._driven.result()
        return True

    def queues(self) -> Queues:
        """Count what waits in RabbitMQ; raise one of ``AWAY`` when it cannot be asked."""
        found: Queues = self._thread.call(self._count())
        return found

    def close(self) -> None:
        """Let no more cars pass."""
        if self._driven is not None:
            self._driven.cancel()
        self._thread.call(self._disconnect())
        self._thread.close()

    async def _drive(self, wanted: int, pause_seconds: float) -> None:
        while self.cars.traffic.sightings < wanted:
            waiting: Sequence[Event] = self.cars.met(CARS_AT_ONCE)
            while waiting:
                waiting = await self._publish(waiting)
            await asyncio.sleep(pause_seconds)

    async def _publish(self, events: Sequence[Event]) -> Sequence[Event]:
        """Publish *events*, and return those that were not confirmed."""
        try:
            exchange = await self._exchange()
        except AWAY:
            await self._again()
            return events
        results = await asyncio.gather(*(self._send(exchange, event) for event in events))
        failed = [event for event, confirmed in zip(events, results, strict=True) if not confirmed]
        self.confirmed += len(events) - len(failed)
        if failed:
            await self._again()
        return failed

    async def _send(self, exchange: AbstractExchange, event: Event) -> bool:
        published_at_us = int(time.time() * SECOND_US)
        message = aio_pika.Message(
            event.body,
            headers={topology.PUBLISHED_AT_HEADER: published_at_us},
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            type=TYPES[event.key],
        )
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await exchange.publish(message, event.key, mandatory=True)
        except AWAY:
            return False
        return True

    async def _again(self) -> None:
        await self._disconnect()
        await asyncio.sleep(RETRY_SECONDS)

    async def _exchange(self) -> AbstractExchange:
        if self._events is None:
            self._connection = await self._nodes.connect(CONFIRM_SECONDS)
            channel = await self._connection.channel(on_return_raises=True)
            self._events = await channel.get_exchange(topology.EVENTS_EXCHANGE)
        return self._events

    async def _count(self) -> Queues:
        async with asyncio.timeout(CONFIRM_SECONDS), await self._counted_at.connect() as connection:
            return await queues(await connection.channel())

    async def _disconnect(self) -> None:
        connection, self._connection, self._events = self._connection, None, None
        if connection is None or connection.is_closed:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await connection.close()
        except AWAY:
            return  # RabbitMQ is away; it forgets this connection by itself.

"""Cars that come and go, published until RabbitMQ has confirmed each of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import NamedTuple, Self

import aio_pika
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from backend_sightings import entry, exit_, now, publish_entry, publish_exit
from parkstream_events import topology
from parkstream_messaging.nodes import Nodes

RETRY_SECONDS = 0.2
CONFIRM_SECONDS = 5.0


class Traffic:
    """What was published, and so what must come out."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        """Event id to plate; so with exits."""
        self.exits: dict[str, str] = {}
        self.entry_of: dict[str, str] = {}
        """Plate to the id of its entry."""

    @property
    def sightings(self) -> int:
        return len(self.entries) + len(self.exits)

    @property
    def completed(self) -> int:
        return sum(plate in self.entry_of for plate in self.exits.values())

    @property
    def entry_missed(self) -> int:
        return len(self.exits) - self.completed

    def __repr__(self) -> str:
        return f"Traffic({len(self.entries)} entries, {len(self.exits)} exits, {self.completed} completed)"


class Event(NamedTuple):
    """One event to publish."""

    is_entry: bool
    body: bytes


class Cars:
    """Publishes cars to RabbitMQ at *url*, in events of *version*; every fifth exit has no entry.

    Each stays for *stay*. After silence a gate is waited for again when it has caught up: entries that are reported
    long after they happened take as long to do so.
    """

    def __init__(
        self,
        url: str,
        name: str = "c",
        *,
        version: int = 1,
        traffic: Traffic | None = None,
        stay: timedelta = timedelta(seconds=60),
    ) -> None:
        self.traffic = traffic or Traffic()
        self._stay = stay
        self._version = version
        self._nodes = Nodes(url)
        self._name = name
        self._count = 0
        self._connection: aio_pika.abc.AbstractConnection | None = None
        self._events: aio_pika.abc.AbstractExchange | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._disconnect()

    def redirect(self, url: str) -> None:
        """Publish to RabbitMQ at *url* as soon as the one before refuses, as a camera that got another address."""
        self._nodes = Nodes(url)

    async def drive(self, cars: int) -> None:
        """Let *cars* enter and leave: no exit is published before all entries are confirmed."""
        events = await self.meet(cars)
        for are_entries in (True, False):
            await self.publish([event for event in events if event.is_entry is are_entries])

    async def meet(self, cars: int) -> list[Event]:
        """Return the events of *cars*, and count on them from here on."""
        entering: list[Event] = []
        leaving: list[Event] = []
        for _ in range(cars):
            self._count += 1
            plate, moment = f"{self._name.upper()}{self._count}", now()
            entry_id, exit_id = f"{self._name}-e{self._count}", f"{self._name}-x{self._count}"
            self.traffic.exits[exit_id] = plate
            leaving.append(Event(False, exit_(exit_id, plate, moment)))
            if self._count % 5:
                self.traffic.entries[entry_id] = plate
                self.traffic.entry_of[plate] = entry_id
                entering.append(Event(True, entry(entry_id, plate, moment - self._stay)))
        return [*entering, *leaving]

    async def publish(self, events: Sequence[Event], at_once: int = 50) -> None:
        """Publish *events*, each again until it is confirmed."""
        for first in range(0, len(events), at_once):
            waiting = list(events[first : first + at_once])
            while waiting:
                waiting = await self._try(waiting)

    async def _try(self, events: list[Event]) -> list[Event]:
        try:
            exchange = await self._exchange()
        except (*CONNECTION_EXCEPTIONS, TimeoutError):
            await self._disconnect()
            await asyncio.sleep(RETRY_SECONDS)
            return events
        results = await asyncio.gather(*(self._send(exchange, event) for event in events), return_exceptions=True)
        failed = [event for event, result in zip(events, results, strict=True) if result is not None]
        if failed:
            await self._disconnect()
            await asyncio.sleep(RETRY_SECONDS)
        return failed

    async def _send(self, exchange: aio_pika.abc.AbstractExchange, event: Event) -> None:
        async with asyncio.timeout(CONFIRM_SECONDS):
            publish, kind = (publish_entry, "entered") if event.is_entry else (publish_exit, "exited")
            await publish(exchange, event.body, type=f"vehicle.{kind}.v{self._version}")

    async def _exchange(self) -> aio_pika.abc.AbstractExchange:
        if self._events is None:
            self._connection = await self._nodes.connect(5)
            channel = await self._connection.channel(on_return_raises=True)
            self._events = await channel.get_exchange(topology.EVENTS_EXCHANGE)
        return self._events

    async def _disconnect(self) -> None:
        connection, self._connection, self._events = self._connection, None, None
        if connection is not None and not connection.is_closed:
            try:
                async with asyncio.timeout(2):
                    await connection.close()
            except (*CONNECTION_EXCEPTIONS, TimeoutError):
                return


@asynccontextmanager
async def driving(cars: Cars, total: int = 1_000_000, pause_seconds: float = 0.05) -> AsyncIterator[asyncio.Task[None]]:
    """Drive *total* cars, 20 at a time, while the block runs; then let those finish who have begun."""
    over = asyncio.Event()

    async def drive() -> None:
        for _ in range(0, total, 20):
            await cars.drive(20)
            await asyncio.sleep(pause_seconds)
            if over.is_set() and total == 1_000_000:
                return

    task = asyncio.create_task(drive())
    try:
        yield task
        over.set()
        await task
    finally:
        task.cancel()

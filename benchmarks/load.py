"""The sightings that a benchmark puts through, and how they get into the queues."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import aio_pika
from aio_pika.abc import AbstractExchange
from parkstream_events import topology, wire
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited, microseconds
from parkstream_messaging.connection import make_broker
from parkstream_messaging.topology import EVENTS, declare

MATCHED_OF_FIVE = 4
STAY = timedelta(seconds=1)
SPACING = timedelta(milliseconds=1)
IN_FLIGHT = 1_000
QUEUES = (topology.ENTRIES_QUEUE, topology.EXITS_QUEUE)


class Load(NamedTuple):
    """Sightings in the order they are published, and how many summary lines they make."""

    sightings: list[Sighting]
    lines: int


def paired(pairs: int, shuffled_within_seconds: float, seed: int = 1) -> Load:
    """Return *pairs* entries and as many exits, four in five of them matched, and one closing visit.

    Each sighting is displaced by less than *shuffled_within_seconds* (``inf``: anywhere); the closing visit is later
    than all, so that every exit whose entry is missing can be decided: both directions have gone past it.
    """
    chance = random.Random(seed)
    begin = datetime.now(UTC) - SPACING * pairs - timedelta(minutes=5)
    happened: list[Sighting] = []
    for n in range(pairs):
        at = begin + n * SPACING
        plate = f"A{n:08d}"
        happened.append(VehicleEntered(f"entry-{seed}-{n:09d}", plate, at))
        left = plate if n % 5 < MATCHED_OF_FIVE else f"Z{n:08d}"
        happened.append(VehicleExited(f"exit-{seed}-{n:09d}", left, at + STAY))
    if math.isinf(shuffled_within_seconds):
        chance.shuffle(happened)
    else:
        happened.sort(key=lambda one: one.event_time + timedelta(seconds=chance.random() * shuffled_within_seconds))
    at = begin + pairs * SPACING + timedelta(minutes=1)
    closing = [
        VehicleEntered(f"entry-{seed}-closing", "A99999999", at),
        VehicleExited(f"exit-{seed}-closing", "A99999999", at + STAY),
    ]
    return Load([*happened, *closing], pairs + 1)


def message_of(sighting: Sighting, traceparent: str | None = None, at: datetime | None = None) -> aio_pika.Message:
    """Return the message that a generator would publish now, or was to publish *at*."""
    headers: dict[str, str | int] = {topology.PUBLISHED_AT_HEADER: microseconds(at or datetime.now(UTC))}
    if traceparent is not None:
        headers[topology.TRACEPARENT_HEADER] = traceparent
    return aio_pika.Message(
        wire.encode(sighting),
        message_id=sighting.id,
        type=wire.type_of(sighting),
        headers=headers,
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


@asynccontextmanager
async def exchange_at(url: str) -> AsyncIterator[AbstractExchange]:
    """Connect, make sure of the exchange and both work queues, and yield the exchange."""
    async with make_broker(url) as broker:
        await declare(broker)
        yield await broker.declare_exchange(EVENTS)


async def publish(
    exchange: AbstractExchange, sightings: Sequence[Sighting], traceparents: Iterator[str] | None = None
) -> None:
    """Publish *sightings* in order, confirmed, many in flight."""
    for start in range(0, len(sightings), IN_FLIGHT):
        async with asyncio.TaskGroup() as group:
            for sighting in sightings[start : start + IN_FLIGHT]:
                key = topology.ENTERED_KEY if isinstance(sighting, VehicleEntered) else topology.EXITED_KEY
                traceparent = next(traceparents) if traceparents is not None else None
                group.create_task(exchange.publish(message_of(sighting, traceparent), key, mandatory=True))  # type: ignore[arg-type]

"""Nobody is silent while a consumer may hold what they reported: one that stands still, or acknowledges nothing."""

import asyncio
from collections.abc import AsyncIterator

import aio_pika
import pytest
from backend_sightings import entry, exit_, now, publish_entry, publish_exit
from parkstream_devtools.faults.processes import Frozen
from parkstream_events import topology, wire
from parkstream_events.decisions import WatermarkAdvanced
from pipeline import Pipeline
from projections import Mall

CARS = 8


@pytest.fixture
async def shop(redis_url: str, mall: str) -> AsyncIterator[Mall]:
    shop = Mall(redis_url, mall)
    yield shop
    await shop.close()


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


class Day:
    """Cars that come and leave, published one by one, and what was decided meanwhile."""

    def __init__(self, shop: Mall, events: aio_pika.abc.AbstractExchange) -> None:
        self._shop = shop
        self._events = events

    async def pass_by(self, name: str) -> None:
        """Let cars come, then leave in another order, so that two consumers do not share them by cars."""
        plates = [f"{name}{number}" for number in range(CARS)]
        for plate in plates:
            await publish_entry(self._events, entry(f"in-{plate}", plate, now()))
        for plate in [*plates[1:], plates[0]]:
            await publish_exit(self._events, exit_(f"out-{plate}", plate, now()))

    async def leave(self, name: str) -> None:
        """Let a car leave that nobody saw coming."""
        await publish_exit(self._events, exit_(f"out-{name}", name, now()))

    async def decisions(self, after: int = 0) -> list[WatermarkAdvanced]:
        """Return what was decided after a position."""
        events = [wire.decode(one.type, one.body) for one in await self._shop.log.read(after, 100_000)]
        return [event for event in events if isinstance(event, WatermarkAdvanced)]

    async def decided(self, because: str, after: int = 0) -> list[str]:
        """Wait until something was decided for this reason; return the reasons of all that was decided."""
        async with asyncio.timeout(60):
            while because not in (reasons := [one.because for one in await self.decisions(after)]):
                await asyncio.sleep(0.05)
        return reasons

    async def position(self) -> int:
        return (await self._shop.log.state()).position


@pytest.fixture
async def day(pipeline: Pipeline, shop: Mall) -> AsyncIterator[Day]:
    """A day on which two backends record, and silence was decided once."""
    pipeline.start()
    await asyncio.to_thread(pipeline.start_backend)
    async with await aio_pika.connect(pipeline.rabbitmq_url) as connection:
        channel = await connection.channel(on_return_raises=True)
        made = Day(shop, await channel.get_exchange(topology.EVENTS_EXCHANGE))
        await made.pass_by("EARLY")
        await made.leave("FIRST")
        await made.decided("silence")
        yield made


async def test_a_backend_that_stands_still_lets_nobody_be_silent(pipeline: Pipeline, day: Day):
    frozen = Frozen(pipeline.backends[0])
    before = await day.position()
    await asyncio.to_thread(frozen.inject)
    try:
        await day.pass_by("LATE")
        await day.leave("LONE")
        assert set(await day.decided("hold_max", before)) == {"hold_max"}
    finally:
        frozen.heal()
    await pipeline.until(lambda: pipeline.stats()["current"]["completed"] == 2 * CARS)
    after = await day.position()
    await day.leave("LAST")
    assert "silence" in await day.decided("silence", after)


async def test_a_consumer_that_acknowledges_nothing_lets_nobody_be_silent(pipeline: Pipeline, day: Day):
    before = await day.position()
    async with await aio_pika.connect(pipeline.rabbitmq_url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=500)
        held: list[aio_pika.abc.AbstractIncomingMessage] = []
        queue = await channel.get_queue(topology.ENTRIES_QUEUE)
        await queue.consume(_keeper(held))
        await day.pass_by("LATE")
        await day.leave("LONE")
        assert set(await day.decided("hold_max", before)) == {"hold_max"}
        assert held
    await pipeline.until(lambda: pipeline.stats()["current"]["completed"] == 2 * CARS)
    after = await day.position()
    await day.leave("LAST")
    assert "silence" in await day.decided("silence", after)


def _keeper(held: list[aio_pika.abc.AbstractIncomingMessage]):
    async def keep(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        held.append(message)

    return keep

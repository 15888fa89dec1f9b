"""Nobody is silent while a consumer may hold what they reported: one that stands still, or acknowledges nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from urllib.parse import urlsplit

import aio_pika
import pytest
from backend_sightings import entry, exit_, now, publish_entry, publish_exit
from parkstream_devtools import ServiceProcess
from parkstream_devtools.faults import Cut, Fault, Frozen, Proxy
from parkstream_events import topology, wire
from parkstream_events.decisions import WatermarkAdvanced
from pipeline import Pipeline
from projections import Mall

CARS = 8
HOLDS = 500
"""How many deliveries the one that holds them has at least: two consumers share what comes."""


class Day:
    """Cars that come and leave, and what was decided meanwhile."""

    def __init__(self, pipeline: Pipeline, shop: Mall, events: aio_pika.abc.AbstractExchange) -> None:
        self._pipeline = pipeline
        self._shop = shop
        self._events = events
        self.published = 0

    async def pass_by(self, name: str, more: int = 0) -> None:
        """Let cars come, and *more* that stay; then leave in another order, so that consumers do not share by cars."""
        plates = [f"{name}{number}" for number in range(CARS + more)]
        await asyncio.gather(*(publish_entry(self._events, entry(f"in-{one}", one, now())) for one in plates))
        for plate in [*plates[1:CARS], plates[0]]:
            await publish_exit(self._events, exit_(f"out-{plate}", plate, now()))
        self.published += 2 * CARS + more

    async def leave(self, name: str) -> None:
        """Let a car leave that nobody saw coming."""
        await publish_exit(self._events, exit_(f"out-{name}", name, now()))
        self.published += 1

    async def decided(self, because: str, after: int = 0) -> set[str]:
        """Wait until something was decided for this reason; return the reasons of all that was decided."""
        async with asyncio.timeout(240):
            while because not in (reasons := await self._reasons(after)):
                await asyncio.sleep(0.05)
        return reasons

    async def _reasons(self, after: int) -> set[str]:
        events = [wire.decode(one.type, one.body) for one in await self._shop.log.read(after, 100_000)]
        return {event.because for event in events if isinstance(event, WatermarkAdvanced)}

    async def falls_silent(self, name: str, after: int = 0) -> None:
        """Let cars leave that nobody saw coming until silence was decided for one.

        Where the machine stands still meanwhile, the one that waits is decided by ``hold_max``.
        """
        async with asyncio.timeout(240):
            for number in count():
                await self.leave(f"{name}{number}")
                await self.all_recorded()
                await self._pipeline.until(lambda: not self._pipeline.state()["pending"])
                if "silence" in await self._reasons(after):
                    return

    async def all_recorded(self) -> None:
        """Wait until all that was published is recorded."""
        await self._pipeline.until(lambda: self.recorded == self.published)

    @property
    def recorded(self) -> int:
        counters = self._pipeline.state()["counters"]
        return int(counters["entered"] + counters["exited"])

    async def position(self) -> int:
        return (await self._shop.log.state()).position


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    """What the first of two backends reaches Redis through."""
    with Proxy(urlsplit(redis_url).port or 0) as proxy:
        yield proxy


@pytest.fixture
async def day(pipeline: Pipeline, shop: Mall, proxy: Proxy) -> AsyncIterator[Day]:
    """A day on which two backends record, and silence was decided once."""
    pipeline.start_api()
    through = pipeline.environ["PARKSTREAM_REDIS_URL"].replace(f":{urlsplit(shop.url).port}", f":{proxy.port}")
    await asyncio.to_thread(pipeline.start_backend, {"PARKSTREAM_REDIS_URL": through})
    await asyncio.to_thread(pipeline.start_backend)
    async with await aio_pika.connect(pipeline.rabbitmq_url) as connection:
        channel = await connection.channel(on_return_raises=True)
        made = Day(pipeline, shop, await channel.get_exchange(topology.EVENTS_EXCHANGE))
        await made.pass_by("EARLY")
        await made.falls_silent("FIRST")
        yield made


def goes_on(fault: Fault, _: ServiceProcess) -> None:
    fault.heal()


def is_gone(_: Fault, backend: ServiceProcess) -> None:
    backend.kill()


@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        pytest.param(lambda backend, _: Frozen(backend), goes_on, id="frozen, then acknowledges"),
        pytest.param(lambda backend, _: Frozen(backend), is_gone, id="frozen, then gone"),
        pytest.param(lambda _, proxy: Cut(proxy), goes_on, id="alive without Redis, then acknowledges"),
    ],
)
async def test_a_backend_that_stands_still_lets_nobody_be_silent(
    pipeline: Pipeline, day: Day, proxy: Proxy, fault: Callable[[ServiceProcess, Proxy], Fault], ends: Callable
):
    holds = fault(pipeline.backends[0], proxy)
    before = await day.position()
    await asyncio.to_thread(holds.inject)
    try:
        await day.pass_by("LATE", more=2 * HOLDS)
        await day.leave("LONE")
        assert "silence" not in await day.decided("hold_max", before)
        assert day.published - day.recorded >= HOLDS
    finally:
        await asyncio.to_thread(ends, holds, pipeline.backends[0])
    await day.all_recorded()
    after = await day.position()
    await day.falls_silent("LAST", after)


async def test_a_consumer_that_acknowledges_nothing_lets_nobody_be_silent(pipeline: Pipeline, day: Day):
    before = await day.position()
    async with await aio_pika.connect(pipeline.rabbitmq_url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=HOLDS)
        held: list[aio_pika.abc.AbstractIncomingMessage] = []
        queue = await channel.get_queue(topology.ENTRIES_QUEUE)
        await queue.consume(_keeper(held))
        await day.pass_by("LATE")
        await day.leave("LONE")
        assert "silence" not in await day.decided("hold_max", before)
        assert held
    await day.all_recorded()
    after = await day.position()
    await day.falls_silent("LAST", after)


def _keeper(held: list[aio_pika.abc.AbstractIncomingMessage]):
    async def keep(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        held.append(message)

    return keep

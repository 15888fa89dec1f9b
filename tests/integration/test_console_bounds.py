"""What the console needs is bounded, however many look at it, for however long, and however little they read."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from projections import Mall, now_us, project, sighting
from redis import Redis
from summary_client import Client

from benchmarks.console import rss_mib, until
from benchmarks.viewers import LOOK, readers, silent

VIEWERS = 20
CARS = 200
GATES = 120
"""So that a look has some bytes."""
KEPT_BYTES = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2]) + 2**20
"""What the system keeps of what somebody does not read, and some more for the console itself."""
GROWTH_MIB = 8
HURRIED, PATIENT = (
    {"PYTHONPATH": str(Path(__file__).parents[1] / "support" / name)} for name in ("hurried", "patient")
)


@pytest.fixture
async def console(shop, redis_url, mall, run_service):
    """A console that looks quickly at a mall in which something changes all the time."""
    environ = {"PARKSTREAM_REDIS_URL": redis_url, "PARKSTREAM_MALL": mall, **HURRIED}
    await shop.log.append([sighting(0, f"in-{n}", f"CAR{n}", now_us(), gate=f"gate-{n % GATES}") for n in range(CARS)])
    projector = shop.projector()
    await project(projector, CARS)
    changing = asyncio.create_task(change(shop, projector))
    yield run_service("parkstream_console", environ)
    changing.cancel()
    await asyncio.wait({changing})


async def change(shop: Mall, projector) -> None:
    """Let others come, and leave."""
    for n in count():
        await shop.log.append([sighting(way, f"{way}-{n}", f"NEW{n}", now_us() + way) for way in (0, 1)])
        await project(projector, 10)


async def test_memory_grows_neither_with_looks_nor_for_one_who_reads_nothing(console):
    with silent(console.url) as mute:
        async with readers(console.url, VIEWERS) as people:
            await until(lambda: min(one.bytes for one in people) > KEPT_BYTES)
            before = rss_mib(console)
            await until(lambda: min(one.bytes for one in people) > 3 * KEPT_BYTES)
            assert rss_mib(console) < before + GROWTH_MIB
            assert await asyncio.to_thread(bytes_through, mute, people[0].newest_us) < KEPT_BYTES


def bytes_through(mute, newest_us: int) -> int:
    """Read at last, until what comes is as new as *newest_us*; return how many bytes waited for that."""
    waited = 0
    with mute.makefile("rb") as stream:
        for line in stream:
            waited += len(line)
            if line.startswith(LOOK) and int(line.removeprefix(LOOK)) >= newest_us:
                return waited
    raise AssertionError("the stream has ended")


@pytest.mark.parametrize("path", ["/todo", "/running"])
def test_a_page_asks_redis_once_however_many_open_it(run_service, redis_server, mall, path):
    """All that makes it old is time, which stands still here."""
    environ = {"PARKSTREAM_REDIS_URL": redis_server.url, "PARKSTREAM_MALL": mall, **PATIENT}
    console = run_service("parkstream_console", environ)
    with Redis(port=redis_server.port) as redis, ThreadPoolExecutor(VIEWERS) as viewers:

        def opened() -> int:
            """Let all viewers open the page, and return how many commands that took."""
            before = calls(redis)
            assert list(viewers.map(lambda _: Client(console.port).ask(path).status, range(VIEWERS))) == [200] * VIEWERS
            return calls(redis) - before

        assert opened() > 0
        assert opened() == 0


def calls(redis: Redis) -> int:
    """Return how many commands Redis was given, those of who asks this aside."""
    return sum(one["calls"] for name, one in redis.info("commandstats").items() if name != "cmdstat_info")

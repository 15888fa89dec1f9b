"""``kill -9`` of a replay, anywhere: the live version goes on, the next replay too, and nothing is said twice."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from parkstream_devtools.faults import Proxy, Weather
from parkstream_projection import StaleError
from projections import HOUR, Mall, Process, day_of_traffic, now_us, project

KILLS = 10


@pytest.fixture
async def shop(redis_url: str, mall: str) -> AsyncIterator[Mall]:
    shop = Mall(redis_url, mall)
    yield shop
    await shop.close()


def replay(shop: Mall, *words: str, url: str = "") -> "subprocess.Popen[str]":
    """Start the command; *url* is another way to the same Redis."""
    own = {"PARKSTREAM_REDIS_URL": url or shop.url, "PARKSTREAM_MALL": shop.keys.mall, "PARKSTREAM_COPY": "true"}
    environ = {**os.environ, **own}
    command = [sys.executable, "-m", "parkstream_cli", "replay", "--json", *words]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


async def ends(process: "subprocess.Popen[str]") -> tuple[int, dict[str, object], str]:
    """Return the exit code, the answer, and what was said beside it."""
    answer, beside = await asyncio.to_thread(process.communicate)
    return process.returncode, json.loads(answer or "{}"), beside


async def follow(projector: Process, done: asyncio.Event) -> None:
    """Project as a backend does, whatever is live."""
    while not done.is_set():
        with suppress(StaleError):
            await project(projector, 50)
        await asyncio.sleep(0.005)


async def test_a_replay_that_is_killed_again_and_again_goes_on_each_time(shop: Mall):
    await shop.log.append(day_of_traffic(8_000, now_us() - 3 * HOUR))
    await project(shop.projector(), 1_000)
    reached, port = 0, urlsplit(shop.url).port
    assert port
    with Proxy(port) as slow:  # So that it is killed before it is done, however little of the machine is ours.
        slow.change(Weather(latency_seconds=0.05))
        for _ in range(3):
            killed = replay(shop, url=shop.url.replace(f":{port}", f":{slow.port}"))
            reached = await grows(shop, reached)
            killed.kill()
            await asyncio.to_thread(killed.communicate)
    live, half = await shop.versions.all()
    assert 0 < half.checkpoint < live.checkpoint
    assert not half.rebuilt
    code, result, _ = await ends(replay(shop, "--switch"))
    assert code == 0
    assert (result["version"], result["hash_equal"], result["switched"]) == (half.number, True, True)
    assert result["events"] == live.checkpoint - half.checkpoint
    await shop.holds(await shop.truth())


async def grows(shop: Mall, reached: int) -> int:
    """Return how far the second version has got, as soon as it has got further than *reached*."""
    async with asyncio.timeout(240):
        while True:
            checkpoint = await shop.redis.hget(shop.keys.projection(2, "meta"), "checkpoint")
            if checkpoint is not None and int(checkpoint) > reached:
                return int(checkpoint)
            await asyncio.sleep(0)


async def test_switches_that_are_killed_anywhere_leave_one_live_version_and_exactly_the_truth(shop: Mall):
    traffic = day_of_traffic(2_000, now_us() - HOUR)
    await shop.log.append(traffic[:1_000])
    await project(shop.projector())
    done = asyncio.Event()
    following = [asyncio.create_task(follow(shop.projector(), done)) for _ in range(2)]
    chance = random.Random(7)
    for nth in range(KILLS):
        words = ("--rollback",) if await shop.versions.before() and nth % 2 else ("--switch",)
        switching = replay(shop, *words, "--deliver")
        await shop.log.append(traffic[1_000 + nth * 100 : 1_100 + nth * 100])
        await asyncio.sleep(chance.uniform(0.4, 1.6))  # The fault may strike anywhere.
        switching.kill()
        await asyncio.to_thread(switching.communicate)
    code, result, beside = await ends(replay(shop, "--switch"))
    assert code == 0, beside
    assert result["hash_equal"]
    end = (await shop.log.state()).position
    async with asyncio.timeout(240):
        while (await shop.reads.state()).checkpoint < end:
            await asyncio.sleep(0.01)
    done.set()
    await asyncio.gather(*following)
    await shop.holds(await shop.truth())
    assert sum(version.live for version in await shop.versions.all()) == 1

"""Single keys of ours are deleted or cut by hand: whoever runs says so, and what can be made anew comes back."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from parkstream_devtools import RedisServer, failing
from parkstream_devtools.faults import AofCopy
from parkstream_devtools.redis_functions import load_functions
from parkstream_events.keys import BackendKeys
from pipeline import ALL_ROLES, EACH_ALONE, Pipeline
from pipeline_traffic import Cars
from redis import Redis

CARS = 20
Deed = Callable[[Any, BackendKeys], object]


@pytest.fixture
def pipeline(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Pipeline:
    pipeline = Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)
    pipeline.start_api()
    return pipeline


class Hand:
    """Deletes keys of *pipeline* in *server*, under running backends or while they are down."""

    def __init__(self, pipeline: Pipeline, server: RedisServer, *, running: bool) -> None:
        self.pipeline = pipeline
        self._redis: Any = Redis(port=server.port)
        self._keys = BackendKeys(pipeline.environ["PARKSTREAM_MALL"])
        self._running = running

    async def does(self, deed: Deed) -> None:
        if not self._running:
            for backend in self.pipeline.backends:
                assert await asyncio.to_thread(backend.terminate) == 0
        deed(self._redis, self._keys)
        if not self._running:
            for backend in self.pipeline.backends:
                backend.restart()

    async def says(self, check: str, text: str) -> None:
        """Return when some backend says *text* of *check*, and all are alive."""
        backends = self.pipeline.backends
        await self.pipeline.until(lambda: any(text in failing(one.url).get(check, "") for one in backends))
        assert all(one.alive for one in backends)

    async def all_well(self) -> None:
        await self.pipeline.until(lambda: not any(failing(one.url) for one in self.pipeline.backends))


@pytest.mark.parametrize("running", [True, False])
async def test_keys_that_are_deleted_are_missed_and_what_can_be_made_anew_comes_back(
    pipeline: Pipeline, redis_server: RedisServer, tmp_path: Path, running: bool
):
    """Running with all roles, starting with each alone."""
    pipeline.start_backends(ALL_ROLES if running else EACH_ALONE)
    hand = Hand(pipeline, redis_server, running=running)
    parkstream = CommandLine({**pipeline.environ, "PARKSTREAM_SUMMARY_URL": pipeline.api.url})
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(CARS)
        await pipeline.balances(cars.traffic)
        os.kill(pipeline.api.pid, signal.SIGSTOP)
        await cars.drive(CARS)
        await pipeline.until(lambda: pipeline.state()["outbox_depth"] >= CARS)
        await hand.does(lambda redis, keys: redis.delete(keys.outbox))
        os.kill(pipeline.api.pid, signal.SIGCONT)
        await hand.says("outbox", "summaries are neither waiting nor parked nor delivered")
        assert (await asyncio.to_thread(parkstream, "outbox", "emit-missing")).code == 0
        await hand.all_well()

        for number, name in enumerate(("plates", "timers:2"), 1):
            await hand.does(lambda redis, keys, n=number, lost=name: redis.delete(keys.projection(n, lost)))
            await cars.drive(CARS)
            await hand.says("state", "entities or timers are gone")
            assert (await asyncio.to_thread(parkstream, "replay")).code == 0
            switched = await asyncio.to_thread(parkstream, "replay", "--version", str(number + 1), "--switch")
            assert switched.code == 0, switched.err
            await hand.all_well()
        await pipeline.balances(cars.traffic)

        await hand.does(lambda redis, _: redis.swapdb(0, 1))
        await cars.drive(CARS)
        await hand.says("log", "holds no log")
        Redis(port=redis_server.port).swapdb(0, 1)
        await hand.all_well()
        await hand.does(lambda redis, _: redis.function_flush("SYNC"))
        await cars.drive(CARS)
        await hand.says("redis", "has not got the functions")
        load_functions(redis_server.url)
        await hand.all_well()
        await pipeline.balances(cars.traffic)

        whole = AofCopy(redis_server, tmp_path / "whole")
        await hand.does(lambda redis, keys: redis.xtrim(keys.log, maxlen=3, approximate=False))
        await hand.says("log", "Redis holds 3 records of the log, but ")
        whole.put_back()
        await hand.all_well()
        await pipeline.balances(cars.traffic)

"""Somebody watches while Redis fails over: ``log tail --follow`` and the console go on, and say what they wait for."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from command_line import CommandLine
from console_service import start_console
from parkstream_devtools import ReplicatedRedis, Sandbox
from pipeline import Pipeline
from pipeline_traffic import Cars
from summary_client import Client

CARS = 20
SUPPORT = Path(__file__).parents[1] / "support"
STEADFAST = {"PYTHONPATH": f"{SUPPORT / 'steadfast'}{os.pathsep}{SUPPORT}"}
"""What is away in this test refuses connections; who only stands still, with the machine, is no news."""


@pytest.fixture
def redis(sandbox: Sandbox) -> Iterator[ReplicatedRedis]:
    servers = sandbox.replicated_redis()
    yield servers
    servers.close()


@pytest.fixture
def pipeline(run_service, redis: ReplicatedRedis, rabbitmq_url: str, mall: str, tmp_path: Path) -> Pipeline:
    pipeline = Pipeline(run_service, redis.url, rabbitmq_url, mall, tmp_path)
    pipeline.environ |= {"PARKSTREAM_REDIS_REPLICAS_MIN": "1"}
    pipeline.start()
    return pipeline


@pytest.fixture
async def tail(pipeline: Pipeline) -> AsyncIterator["subprocess.Popen[str]"]:
    started = CommandLine(pipeline.environ | STEADFAST).start("log", "tail", "1000", "--follow", "--json")
    yield started
    started.kill()
    await asyncio.to_thread(started.communicate)


async def positions(tail: "subprocess.Popen[str]", through: int) -> list[int]:
    """Return the positions that it prints, up to *through*."""
    assert tail.stdout is not None
    found: list[int] = []
    while not found or found[-1] < through:
        printed = await asyncio.to_thread(tail.stdout.readline)
        assert printed, "it goes on"
        found.append(json.loads(printed)["position"])
    return found


async def test_who_watches_sees_each_record_once_and_the_console_answers_again(
    pipeline: Pipeline, redis: ReplicatedRedis, run_service, tail: "subprocess.Popen[str]"
):
    console = start_console(partial(run_service, ready=False), redis.url, pipeline.environ["PARKSTREAM_MALL"])
    asked = Client(console.port)
    await pipeline.until(lambda: status_of(asked, "/health/ready") == 200)
    seen: list[int] = []
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(CARS)
        state = await pipeline.balances(cars.traffic)
        seen += await positions(tail, state["position"])
        old = redis.primary()
        old.kill()
        for path in ("/health/live", "/"):  # The page shows the last look.
            assert (await asyncio.to_thread(asked.ask, path)).status == 200
        assert (await asyncio.to_thread(asked.ask, "/v1/state")).status in {200, 503}
        await pipeline.until(lambda: redis.primary() is not old)
        await pipeline.until(lambda: status_of(Client(pipeline.api.port), "/v1/stats") == 200)
        await cars.drive(CARS)
        state = await pipeline.balances(cars.traffic)
    seen += await positions(tail, state["position"])
    assert seen == [*range(1, state["position"] + 1)]
    await pipeline.until(lambda: status_of(asked, "/v1/state") == 200)
    assert asked.ask("/v1/state").json["position"] == state["position"]
    await pipeline.until(lambda: status_of(asked, "/health/ready") == 200)
    assert console.alive
    tail.terminate()
    _, err = await asyncio.to_thread(tail.communicate)
    assert err.count("waiting for Redis") == 1
    assert "Traceback" not in err
    await asyncio.to_thread(old.start)


def status_of(client: Client, path: str) -> int:
    """Return with which status *path* is answered; 0 while nobody listens."""
    try:
        return client.ask(path).status
    except OSError:
        return 0

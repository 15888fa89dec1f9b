"""kill -9 of the backend with deliveries in flight: nothing is lost, nothing happens twice."""

import asyncio
import random

import pytest
from parkstream_devtools import ServiceProcess
from pipeline import Pipeline
from pipeline_traffic import Cars, driving

KILLS = 25


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


async def kill_in_flight(pipeline: Pipeline, backend: ServiceProcess, chance: random.Random) -> None:
    """Kill *backend* a moment after it has begun to work, and start it again."""
    await asyncio.to_thread(backend.wait_ready)
    await asyncio.sleep(chance.uniform(0, 0.4))
    assert backend.alive, backend.last_lines()
    backend.kill()
    backend.restart()


async def test_25_kills_lose_nothing_and_repeat_nothing(pipeline: Pipeline):
    chance = random.Random(25)
    pipeline.start()
    backend = pipeline.backends[0]
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars) as task:
        for _ in range(KILLS):
            await kill_in_flight(pipeline, backend, chance)
            assert not task.done()
    await asyncio.to_thread(backend.wait_ready)
    assert cars.traffic.sightings >= 2_000
    await pipeline.balances(cars.traffic)


async def test_of_two_backends_one_dies_and_the_other_takes_over_what_it_held(pipeline: Pipeline):
    pipeline.start()
    first, second = pipeline.backends[0], pipeline.start_backend()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(300)
        first.kill()
        await cars.drive(300)
        await pipeline.balances(cars.traffic)
    assert second.alive


async def test_sigterm_leaves_nothing_half_done_within_ten_seconds(pipeline: Pipeline):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars, total=600):
        for _ in range(3):
            await asyncio.sleep(0.5)
            backend = pipeline.backends[-1]
            assert await asyncio.to_thread(backend.terminate, 10) == 0, backend.last_lines()
            backend.restart()
            await asyncio.to_thread(backend.wait_ready)
    await pipeline.balances(cars.traffic)

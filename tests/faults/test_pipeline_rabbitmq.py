"""RabbitMQ closes connections, restarts, or is away at the start."""

import asyncio

import pytest
from parkstream_devtools import RabbitServer
from pipeline import Pipeline
from pipeline_traffic import Cars, driving


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_server, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_server.add_vhost(mall), mall, tmp_path)


async def test_connections_that_are_closed(pipeline: Pipeline, rabbitmq_server: RabbitServer):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        for _ in range(3):
            await asyncio.sleep(2)
            await asyncio.to_thread(rabbitmq_server.close_connections)
        await asyncio.sleep(2)
    await pipeline.balances(cars.traffic)
    assert pipeline.backends[0].alive


@pytest.mark.parametrize("ending", ["kill", "stop"])
async def test_a_restart(pipeline: Pipeline, rabbitmq_server: RabbitServer, ending: str):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        await asyncio.sleep(1)
        await asyncio.to_thread(getattr(rabbitmq_server, ending))
        await asyncio.to_thread(rabbitmq_server.start)
        await asyncio.to_thread(pipeline.backends[0].wait_ready)
    await pipeline.balances(cars.traffic)


async def test_a_rabbitmq_that_is_away_at_the_start_is_waited_for(pipeline: Pipeline, rabbitmq_server: RabbitServer):
    pipeline.start_api()
    rabbitmq_server.kill()
    backend = pipeline.start_backend(ready=False)
    await pipeline.until(lambda: "rabbitmq" in backend.output.read_text())
    await asyncio.to_thread(rabbitmq_server.start)
    await asyncio.to_thread(backend.wait_ready)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)

"""Everything at once: whatever dies and comes back while cars come and go, the account balances."""

import asyncio
import random

import pytest
from parkstream_devtools import RabbitServer, RedisServer
from pipeline import Pipeline
from pipeline_traffic import Cars, driving

BLOWS = 20


@pytest.fixture
def pipeline(run_service, redis_server, rabbitmq_server, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_server.url, rabbitmq_server.add_vhost(mall), mall, tmp_path)


def strike(chance: random.Random, pipeline: Pipeline, redis: RedisServer, rabbitmq: RabbitServer) -> None:
    """Hurt one part of the pipeline, and let it come back."""
    match chance.choice(["backend", "backend", "api", "redis", "connections"]):
        case "backend":
            struck = chance.choice(pipeline.backends)
            struck.kill()
            struck.restart()
        case "api":
            pipeline.api.kill()
            pipeline.api.restart()
        case "redis":
            redis.kill()
            redis.start()
        case _:
            rabbitmq.close_connections()


async def test_blows_from_all_sides(pipeline: Pipeline, redis_server, rabbitmq_server):
    chance = random.Random(2026)
    pipeline.start()
    pipeline.start_backend()
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        for _ in range(BLOWS):
            await asyncio.sleep(chance.uniform(0.1, 1.5))
            await asyncio.to_thread(strike, chance, pipeline, redis_server, rabbitmq_server)
    assert cars.traffic.sightings > 500
    await pipeline.balances(cars.traffic)

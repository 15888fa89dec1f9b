"""Redis dies, is full, or is too weak to be trusted."""

import asyncio
import subprocess

import pytest
from parkstream_devtools import RedisServer, failing
from pipeline import Pipeline
from pipeline_traffic import Cars, driving


@pytest.fixture
def pipeline(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)


def redis_cli(server: RedisServer, *command: str) -> str:
    answer = subprocess.run(["redis-cli", "-p", str(server.port), *command], check=True, capture_output=True, text=True)
    return answer.stdout


def used_memory(server: RedisServer) -> int:
    info = redis_cli(server, "INFO", "memory")
    return int(next(line for line in info.splitlines() if line.startswith("used_memory:")).partition(":")[2])


async def test_a_redis_that_is_killed_and_comes_back(pipeline: Pipeline, redis_server: RedisServer):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        for pause_seconds in (0.0, 0.5, 2.0):
            await asyncio.sleep(1)
            redis_server.kill()
            await asyncio.sleep(pause_seconds)
            await asyncio.to_thread(redis_server.start)
    await pipeline.balances(cars.traffic)
    assert all(backend.alive for backend in pipeline.backends)


async def test_a_redis_that_is_full_makes_events_wait_in_rabbitmq(pipeline: Pipeline, redis_server: RedisServer):
    pipeline.start()
    backend = pipeline.backends[0]
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        await asyncio.sleep(1)
        redis_cli(redis_server, "CONFIG", "SET", "maxmemory", str(used_memory(redis_server) * 11 // 10))
        await pipeline.until(lambda: "redis_memory" in backend.output.read_text())
        await asyncio.sleep(2)
        redis_cli(redis_server, "CONFIG", "SET", "maxmemory", "1gb")
    await pipeline.balances(cars.traffic)
    assert "record.resumed" in backend.output.read_text().partition("record.paused")[2]


async def test_a_redis_that_takes_no_write_at_all(pipeline: Pipeline, redis_server: RedisServer):
    """Others may have filled it between two looks of the monitor."""
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        await asyncio.sleep(1)
        redis_cli(redis_server, "CONFIG", "SET", "maxmemory", "1mb")
        await asyncio.sleep(4)
        assert all(backend.alive for backend in pipeline.backends)
        redis_cli(redis_server, "CONFIG", "SET", "maxmemory", "0")
    await pipeline.balances(cars.traffic)


@pytest.mark.parametrize(
    ("name", "value"), [("appendfsync", "everysec"), ("maxmemory-policy", "allkeys-lru"), ("appendonly", "no")]
)
async def test_a_redis_that_may_forget_is_refused(pipeline: Pipeline, redis_server: RedisServer, name: str, value: str):
    pipeline.start_api()
    redis_cli(redis_server, "CONFIG", "SET", name, value)
    backend = pipeline.start_backend(ready=False)
    await pipeline.until(lambda: f"CONFIG SET {name}" in failing(backend.url).get("durability", ""))
    assert redis_cli(redis_server, "KEYS", "*").strip() == ""


async def test_a_redis_that_is_away_at_the_start_is_waited_for(pipeline: Pipeline, redis_server: RedisServer):
    pipeline.start_api()
    redis_server.kill()
    backend = pipeline.start_backend(ready=False)
    await pipeline.until(lambda: "service.waiting" in backend.output.read_text())
    await asyncio.to_thread(redis_server.start)
    await asyncio.to_thread(backend.wait_ready)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)

"""Errors that do not pass: the process says so and ends, for a supervisor to act on."""

import subprocess

import pytest
from parkstream_devtools import RedisServer
from parkstream_events.keys import BackendKeys
from pipeline import Pipeline
from pipeline_traffic import Cars


@pytest.fixture
def pipeline(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)


def redis_cli(server: RedisServer, *command: str) -> None:
    subprocess.run(["redis-cli", "-p", str(server.port), *command], check=True, capture_output=True)


async def test_a_projector_that_cannot_go_on_takes_the_process_with_it(pipeline: Pipeline, redis_server, mall):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(10)
    await pipeline.balances(cars.traffic)
    backend = pipeline.backends[0]
    assert backend.terminate() == 0
    redis_cli(redis_server, "SET", BackendKeys(mall).projection(1, "meta"), "not a hash")
    backend.restart()
    await pipeline.until(lambda: not backend.alive)
    assert backend.exit_code == 1
    assert '"task":"project"' in backend.output.read_text()


async def test_a_log_that_cannot_be_written_takes_the_process_with_it_and_loses_nothing(
    pipeline: Pipeline, redis_server, mall
):
    pipeline.start()
    backend = pipeline.backends[0]
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(10)
        await pipeline.balances(cars.traffic)
        meta = BackendKeys(mall).log_meta
        redis_cli(redis_server, "RENAME", meta, f"{meta}:kept")
        redis_cli(redis_server, "SET", meta, "not a hash")
        await cars.drive(10)
        await pipeline.until(lambda: not backend.alive)
        assert backend.exit_code == 1
        redis_cli(redis_server, "RENAME", f"{meta}:kept", meta)
        backend.restart()
        await pipeline.balances(cars.traffic)

"""Errors that do not pass: the process says so and ends, for a supervisor to act on."""

import subprocess

import aio_pika
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
    redis_cli(redis_server, "HSET", BackendKeys(mall).projection(1, "meta"), "rules_version", "99")
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


async def test_queues_with_other_arguments_are_refused_with_what_to_do(pipeline: Pipeline):

    async with await aio_pika.connect(pipeline.rabbitmq_url) as connection:
        channel = await connection.channel()
        await channel.declare_queue("parking.exits", durable=True)
    pipeline.start_api()
    backend = pipeline.start_backend(ready=False)
    await pipeline.until(lambda: not backend.alive)
    assert backend.exit_code == 1
    assert "rabbitmqctl delete_queue parking.exits" in backend.output.read_text()

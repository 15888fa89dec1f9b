"""A mall moves to another Redis while cars come and go: nothing is lost, nothing twice, and only one place is open."""

import asyncio
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command_line import CommandLine
from parkstream_devtools import RedisServer, Sandbox, ServiceProcess, failing
from parkstream_eventlog.errors import MOVED
from parkstream_events.keys import BackendKeys
from pipeline import Pipeline
from pipeline_traffic import Cars, driving
from redis import Redis

PAUSE_SECONDS = 0.15
"""20 cars, 36 sightings, and then this: about 200 events a second."""
BEFORE, AFTER = 1_500, 1_500
HAND_OVER = """
import pathlib, sys, time
asked, done = map(pathlib.Path, sys.argv[1:])
asked.touch()
while not done.exists():
    time.sleep(0.05)
"""
"""What stands for the command of whoever runs the services: the test starts them."""


@pytest.fixture
def other_redis(sandbox: Sandbox) -> Iterator[RedisServer]:
    server = sandbox.redis()
    yield server
    server.kill()


@pytest.fixture
def pipeline(run_service, redis_server: RedisServer, rabbitmq_url: str, mall: str, tmp_path: Path) -> Pipeline:
    return Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)


@pytest.fixture
def parkstream(pipeline: Pipeline, mall: str, tmp_path: Path) -> CommandLine:
    pipeline.start()
    pipeline.start_backend()
    for name, variable in (("redis_url_cli", "PARKSTREAM_REDIS_URL"), ("rabbitmq_url", "PARKSTREAM_RABBITMQ_URL")):
        (tmp_path / name).write_text(pipeline.environ[variable])
    file = tmp_path / "cells.toml"
    file.write_text(
        f'[malls."{mall}"]\nredis_url_file = "redis_url_cli"\nrabbitmq_url_file = "rabbitmq_url"\n'
        f'backend_url = "{pipeline.backends[0].url}"\nsummary_url = "{pipeline.api.url}"\n'
    )
    return CommandLine({"PARKSTREAM_CELLS": str(file), "PARKSTREAM_RABBITMQ_URL": ""})


def log_id_in(server: RedisServer, mall: str) -> str:
    with Redis(port=server.port, decode_responses=True) as redis:
        found = redis.hget(BackendKeys(mall).log_meta, "log_id")
        assert isinstance(found, str)
        return found


async def test_a_mall_moves_under_traffic_and_loses_nothing(  # noqa: PLR0913, PLR0917 - fixtures
    pipeline: Pipeline,
    parkstream: CommandLine,
    redis_server: RedisServer,
    other_redis: RedisServer,
    mall: str,
    tmp_path: Path,
):
    asked, done = tmp_path / "asked", tmp_path / "done"
    restart = f"{sys.executable} -c '{HAND_OVER}' {asked} {done}"
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars, pause_seconds=PAUSE_SECONDS):
        await pipeline.until(lambda: pipeline.state()["position"] > BEFORE)
        log_id = log_id_in(redis_server, mall)
        moving = parkstream.start("cells", "move", mall, "--redis-url", other_redis.url, "--restart", restart, "--json")
        await pipeline.until(asked.exists)
        closed_at = pipeline.state()["position"]
        assert (tmp_path / "redis_url_cli").read_text() == other_redis.url
        restarted(pipeline, other_redis.url)
        done.touch()
        out, err = await asyncio.to_thread(moving.communicate)
        assert moving.returncode == 0, err
        await pipeline.until(lambda: pipeline.state()["position"] > closed_at + AFTER)
    answer = json.loads(out)
    assert answer["moved"]["log_id"] == log_id == log_id_in(other_redis, mall)
    assert answer["moved"]["position"] == closed_at
    assert answer["pause_seconds"] >= answer["moved"]["closed_seconds"] > 0
    assert log_id_in(redis_server, mall) == MOVED + log_id
    await pipeline.balances(cars.traffic)
    assert parkstream("log", "verify", "--summaries", str(pipeline.file), "--mall", mall).code == 0
    assert parkstream("replay", "--check", "--mall", mall).code == 0
    stale = pipeline.start_backend({"PARKSTREAM_REDIS_URL": redis_server.url}, ready=False)
    await pipeline.until(lambda: "it was moved to another Redis" in failing(stale.url).get("log", ""))
    again = parkstream("cells", "move", mall, "--redis-url", other_redis.url)
    assert "another one than where it is" in again.err


async def test_a_move_that_was_begun_is_taken_back_and_then_done_after_all(
    pipeline: Pipeline, parkstream: CommandLine, redis_server: RedisServer, other_redis: RedisServer, mall: str
):
    move = ("cells", "move", mall)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(50)
        await pipeline.balances(cars.traffic)
        log_id = log_id_in(redis_server, mall)
        failed = parkstream(*move, "--redis-url", other_redis.url, "--restart", f"{sys.executable} -c 'exit(3)'")
        assert "restart the services, then run this again, or --back" in failed.err
        assert log_id_in(redis_server, mall) == MOVED + log_id
        adopted = CommandLine(pipeline.environ)("log", "adopt", "--yes")
        assert "the log was moved to another Redis" in adopted.err
        assert parkstream(*move, "--back").code == 0
        assert (log_id_in(redis_server, mall), log_id_in(other_redis, mall)) == (log_id, MOVED + log_id)
        await cars.drive(50)
        await pipeline.balances(cars.traffic)
        asked, done = pipeline.file.with_name("asked"), pipeline.file.with_name("done")
        restart = f"{sys.executable} -c '{HAND_OVER}' {asked} {done}"
        moving = parkstream.start(*move, "--redis-url", other_redis.url, "--restart", restart)
        await pipeline.until(asked.exists)
        restarted(pipeline, other_redis.url)
        done.touch()
        out, err = await asyncio.to_thread(moving.communicate)
        assert moving.returncode == 0, err
        assert "nothing was recorded for" in out
        await cars.drive(50)
        await pipeline.balances(cars.traffic)
        assert "there is nothing to go back to" in parkstream(*move, "--back").err


def restarted(pipeline: Pipeline, redis_url: str) -> None:
    """Start all services again, on the Redis at *redis_url*: new backends first, so that these wait for nobody."""
    before, api = [*pipeline.backends], pipeline.api
    pipeline.environ["PARKSTREAM_REDIS_URL"] = redis_url
    pipeline.backends.clear()
    for _ in before:
        pipeline.start_backend(ready=False)
    with ThreadPoolExecutor() as at_once:
        list(at_once.map(ServiceProcess.terminate, [*before, api]))
    pipeline.start_api(port=api.port)
    for backend in pipeline.backends:
        backend.wait_ready()

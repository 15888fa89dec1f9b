"""Redis' settings change under way, or it evicts what it was to keep: recording stops, says why, and goes on."""

from collections.abc import Callable
from typing import Any

import pytest
from aio_pika import connect
from command_line import CommandLine
from parkstream_devtools import RedisServer, failing
from parkstream_devtools.faults import WEAK_SETTINGS, Weakened
from parkstream_devtools.probes import queues
from parkstream_eventlog.durability import DURABLE
from parkstream_eventlog.functions import LOG
from parkstream_events.keys import BackendKeys
from parkstream_service.redis import READS
from pipeline import Pipeline
from pipeline_traffic import Cars
from redis import Redis

ROLES = ["record,project,deliver", "record", "project", "deliver"]


@pytest.fixture
def pipeline(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)


def client_of(server: RedisServer, database: int = 0) -> Any:
    return Redis(port=server.port, db=database, decode_responses=True)


async def waiting(pipeline: Pipeline) -> int:
    """Return how many events wait in the work queues, of which no backend holds any."""
    async with await connect(pipeline.rabbitmq_url) as connection:
        return (await queues(await connection.channel())).work


def test_each_setting_that_matters_is_weakened():
    assert [name for name, _ in WEAK_SETTINGS] == [*DURABLE]


@pytest.mark.parametrize(("name", "value"), WEAK_SETTINGS)
async def test_a_setting_that_changes_stops_recording_until_it_is_right_again(
    pipeline: Pipeline, redis_server: RedisServer, name: str, value: str
):
    pipeline.start()
    backend = pipeline.backends[0]
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        with Weakened(redis_server, **{name: value}):
            before = cars.traffic.sightings
            await cars.drive(20)
            await pipeline.until(lambda: f"CONFIG SET {name} " in failing(backend.url).get("durability", ""))
            backend.kill()
            await pipeline.until_async(lambda: waiting(pipeline), cars.traffic.sightings - before)
            again = pipeline.start_backend(ready=False)
            await pipeline.until(lambda: f"CONFIG SET {name} " in failing(again.url).get("durability", ""))
            assert "redis.unsafe" in again.output.read_text()
        await pipeline.until(lambda: not failing(again.url))
        await pipeline.balances(cars.traffic)


def replaced(redis: Any) -> None:
    """Put another writer in the place of ours, under its name."""
    redis.function_load(LOG._replace(sources=(*LOG.sources, "-- Not ours.\n")).source, replace=True)


def squatted(redis: Any) -> None:
    """Delete the writer, and call another function as it is called."""
    redis.function_delete(LOG.versioned_name)
    redis.function_delete(READS.versioned_name)
    name = LOG.function("append")
    redis.function_load(f"#!lua name=squatter\nredis.register_function('{name}', function() return 1 end)")


@pytest.mark.parametrize("disturb", [replaced, squatted])
async def test_functions_that_are_not_ours_stop_recording_until_ours_are_back(
    pipeline: Pipeline, redis_server: RedisServer, disturb: Callable[[Any], None]
):
    pipeline.start()
    backend, redis = pipeline.backends[0], client_of(redis_server)
    parkstream = CommandLine(pipeline.environ)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        disturb(redis)
        await pipeline.until(lambda: "parkstream functions load" in failing(backend.url).get("functions", ""))
        assert "redis.unsafe" in backend.output.read_text()
        before = cars.traffic.sightings
        await cars.drive(20)
        backend.kill()
        await pipeline.until_async(lambda: waiting(pipeline), cars.traffic.sightings - before)
        assert LOG.versioned_name in parkstream("doctor").out
        again = pipeline.start_backend(ready=False)
        await pipeline.until(lambda: "parkstream functions load" in failing(again.url).get("redis", ""))
        if disturb is squatted:
            redis.function_delete("squatter")
        assert parkstream("functions", "load").code == 0
        await pipeline.until(lambda: not failing(again.url))
        await pipeline.balances(cars.traffic)


@pytest.mark.parametrize("roles", ROLES)
async def test_every_role_says_that_redis_may_forget_and_when_it_does_not_any_more(
    pipeline: Pipeline, redis_server: RedisServer, roles: str
):
    pipeline.start_api()
    backend = pipeline.start_backend({"PARKSTREAM_ROLES": roles})
    for _ in range(2):
        with Weakened(redis_server, appendfsync="everysec"):
            await pipeline.until(lambda: "appendfsync is everysec" in failing(backend.url).get("durability", ""))
        await pipeline.until(lambda: not failing(backend.url))
    assert backend.alive


async def test_a_redis_that_restarts_with_weaker_settings_acknowledges_nothing(
    pipeline: Pipeline, redis_server: RedisServer
):
    pipeline.start()
    backend = pipeline.backends[0]
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        redis_server.kill()
        await cars.drive(20)
        redis_server.start(appendfsync="everysec")
        await pipeline.until(lambda: "appendfsync is everysec" in failing(backend.url).get("durability", ""))
        backend.kill()
        await pipeline.until_async(lambda: waiting(pipeline), 36)
        client_of(redis_server).config_set("appendfsync", "always")
        pipeline.start_backend()
        await pipeline.balances(cars.traffic)


async def test_evicted_keys_are_reported_until_a_person_has_looked(pipeline: Pipeline, redis_server: RedisServer):
    pipeline.start()
    backend = pipeline.backends[0]
    junk, redis = client_of(redis_server, 9), client_of(redis_server)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        for number in range(1_000):
            junk.set(f"junk-{number}", "x" * 1_000, ex=600)
        with Weakened(
            redis_server, maxmemory_policy="volatile-ttl", maxmemory=str(redis.info("memory")["used_memory"])
        ):
            junk.set("more", "x" * 50_000, ex=600)
            assert redis.info("stats")["evicted_keys"] > 0
        await pipeline.until(lambda: "evicted" in failing(backend.url).get("durability", ""))
        await cars.drive(20)
        redis.config_resetstat()
        await pipeline.until(lambda: not failing(backend.url))
        await pipeline.balances(cars.traffic)


async def a_backend_says(pipeline: Pipeline, redis_server: RedisServer, lost: str) -> str:
    """Restart the backend after the key *lost* of the projection was evicted; return what it says of its state."""
    pipeline.backends[0].terminate()
    client_of(redis_server).delete(BackendKeys(pipeline.environ["PARKSTREAM_MALL"]).projection(1, lost))
    backend = pipeline.start_backend(ready=False)
    await pipeline.until(lambda: "incomplete" in failing(backend.url).get("state", ""))
    assert backend.alive
    assert "Traceback" not in backend.output.read_text()
    return failing(backend.url)["state"]


async def test_a_projector_whose_entities_were_evicted_says_how_to_rebuild_them(
    pipeline: Pipeline, redis_server: RedisServer
):
    pipeline.start()
    parkstream = CommandLine({**pipeline.environ, "PARKSTREAM_SUMMARY_FILE": str(pipeline.file)})
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(40)
        await pipeline.balances(cars.traffic)
        assert "parkstream replay --version N --switch" in await a_backend_says(pipeline, redis_server, "plates")
        assert parkstream("replay").code == 0
        switched = parkstream("replay", "--version", "2", "--switch")
        assert switched.code == 0, switched.err
        await pipeline.until(lambda: not failing(pipeline.backends[-1].url))
        await cars.drive(40)
        await pipeline.balances(cars.traffic)


async def test_a_projector_whose_checkpoint_was_evicted_says_what_to_remove(
    pipeline: Pipeline, redis_server: RedisServer
):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(40)
        await pipeline.balances(cars.traffic)
        says = await a_backend_says(pipeline, redis_server, "meta")
        client_of(redis_server).unlink(*says.partition("UNLINK ")[2].split())
        await pipeline.until(lambda: not failing(pipeline.backends[-1].url))
        await cars.drive(40)
        await pipeline.balances(cars.traffic)

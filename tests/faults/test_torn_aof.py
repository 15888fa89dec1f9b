"""The machine dies while Redis writes: of its last transaction only a part reached the disk."""

import pytest
from parkstream_devtools import RedisServer, StartError, failing
from parkstream_devtools.faults import TornAof
from parkstream_eventlog import Appended, Candidate, RedisLog
from parkstream_events import wire
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import CATEGORIES, LOG_SCHEMA
from parkstream_events.sightings import microseconds
from parkstream_service.redis import connect
from pipeline import Pipeline
from pipeline_traffic import Cars, Event

TORN = [1, 2, 13, 14, 60]
"""Bytes that are missing: of EXEC, all of it, and more."""


@pytest.fixture
def pipeline(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)


async def record_unacknowledged(pipeline: Pipeline, mall: str, event: Event) -> None:
    """Record *event* as a backend that dies before it acknowledges it."""
    type_ = wire.ENTERED if event.is_entry else wire.EXITED
    seen = wire.decode_sighting(type_, event.body)
    candidate = Candidate(type_, seen.id, event.body, microseconds(seen.event_time), CATEGORIES[seen.direction])
    async with connect(pipeline.environ["PARKSTREAM_REDIS_URL"]) as redis:
        (outcome,) = await RedisLog(redis, BackendKeys(mall), LOG_SCHEMA).append([candidate])
    assert isinstance(outcome, Appended)


@pytest.mark.parametrize("missing_bytes", TORN)
async def test_redis_refuses_a_torn_file_and_once_repaired_nothing_acknowledged_is_lost(
    pipeline: Pipeline, redis_server: RedisServer, mall: str, missing_bytes: int
):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        pipeline.backends.pop().kill()
        waiting = await cars.meet(20)
        await cars.publish(waiting)
        await record_unacknowledged(pipeline, mall, waiting[0])
        torn = TornAof(redis_server, missing_bytes=missing_bytes)
        torn.inject()
        with pytest.raises(StartError):
            redis_server.start()
        torn.heal()
        pipeline.start_backend()
        await pipeline.balances(cars.traffic)
        for _ in range(2):  # What is acknowledged from here on outlives the next restarts.
            await cars.drive(20)
            await pipeline.balances(cars.traffic)
            redis_server.kill()
            redis_server.start()
        await pipeline.balances(cars.traffic)


async def test_where_a_torn_file_is_cut_in_silence_nothing_is_acknowledged(
    pipeline: Pipeline, redis_server: RedisServer
):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        redis_server.kill()
        redis_server.start(aof_load_truncated="yes")
        await cars.drive(20)
        (backend,) = pipeline.backends
        await pipeline.until(lambda: "aof-load-truncated is yes" in failing(backend.url).get("durability", ""))
        redis_server.kill()
        redis_server.start()
        await pipeline.until(lambda: not failing(backend.url))
        await pipeline.balances(cars.traffic)

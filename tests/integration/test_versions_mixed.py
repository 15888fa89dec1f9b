"""Cameras of two versions side by side, from RabbitMQ to the file."""

import json
from datetime import timedelta

import aio_pika
import pytest
from backend_sightings import entry, exit_, now, publish_entry, publish_exit
from eventlog_stores import NewLog
from parkstream_events import topology, wire
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_service.redis import connect
from pipeline import Pipeline
from projections import untimed

PLACE = {"camera": {"site": "north", "lane": "2"}}


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


@pytest.fixture
async def log(redis_url, mall):
    redis = connect(redis_url)
    yield NewLog(redis, BackendKeys(mall), LOG_SCHEMA)
    await redis.aclose()


async def test_an_entry_of_version_2_and_an_exit_of_version_1_are_one_visit(pipeline: Pipeline, log):
    pipeline.start()
    came, went = now() - timedelta(minutes=90), now()
    new, old = entry("in-2", "CAR 1", came, **PLACE), exit_("out-1", "car-1", went, gate="south")
    async with await aio_pika.connect(pipeline.rabbitmq_url) as connection:
        exchange = await (await connection.channel()).get_exchange(topology.EVENTS_EXCHANGE)
        await publish_entry(exchange, new, type=wire.ENTERED_V2)
        await publish_exit(exchange, old)
        await pipeline.until(lambda: pipeline.stats()["current"]["completed"] == 1)
        await publish_entry(exchange, entry("in-2", "CAR1", came, gate="north/2"))
        await publish_entry(exchange, entry("in-3", "CAR2", came, gate="north/2"), type=wire.ENTERED_V2)
        queue = await (await connection.channel()).get_queue(topology.DEAD_LETTERS_QUEUE)
        letters = await dead_letters(queue, 2)
    (line,) = pipeline.lines()
    assert (untimed(line["visit_id"]), line["entry_event_id"], line["vehicle_plate"]) == ("exit:out-1", "in-2", "CAR1")
    records = [record for record in await log.read(0, 100) if record.type in wire.SIGHTING_TYPES]
    assert [(record.type, record.body) for record in records] == [(wire.ENTERED_V2, new), (wire.EXITED, old)]
    assert sorted(letters) == [("id_conflict", "in-2"), ("invalid_field", "in-3")]
    assert pipeline.state()["counters"]["unreadable"] == 0


async def dead_letters(queue: aio_pika.abc.AbstractQueue, count: int) -> list[tuple[str, str]]:
    """Wait for *count* dead letters; return the reason of each, and the id in it."""
    found: list[tuple[str, str]] = []
    async with queue.iterator(no_ack=True, timeout=120) as letters:
        async for letter in letters:
            found.append((str(letter.headers[topology.REASON_HEADER]), json.loads(letter.body)["id"]))
            if len(found) == count:
                break
    return found

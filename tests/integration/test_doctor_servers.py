"""The doctor on real servers: it must see what would make the pipeline forget."""

import json

import pytest
from aio_pika import Message, connect
from eventlog_stores import NewLog
from msgspec import structs
from parkstream_cli.doctor import mark, rabbitmq, redis
from parkstream_cli.settings import Settings
from parkstream_eventlog import Candidate
from parkstream_events import wire
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.marks import Mark
from parkstream_events.topology import DEAD_LETTERS_QUEUE, ENTRIES_QUEUE, WORK_QUEUES
from parkstream_messaging.mark_stream import MarkStream
from parkstream_operations.findings import Level
from parkstream_service.redis import connect as connect_redis


async def log_of(url, mall, *ids):
    client = connect_redis(url)
    log = NewLog(client, BackendKeys(mall), LOG_SCHEMA)
    now_us = (await log.state()).now_us
    await log.append([Candidate(wire.ENTERED, id_, b"{}", now_us, "entry") for id_ in ids])
    return client


async def levels(url, mall, file, position=None):
    findings = await redis.examine(url, mall, file, position)
    return {finding.about: finding.level for finding in findings}


async def test_a_durable_redis_with_a_dense_log_is_well(redis_url, mall, tmp_path):
    client = await log_of(redis_url, mall, "1", "2")
    file = tmp_path / "summaries.jsonl"
    file.write_text('{"position":2}\n')
    found = await levels(redis_url, mall, file, position=2)
    await client.aclose()
    assert set(found.values()) == {Level.OK}
    assert list(found) == [
        "Redis",
        "functions",
        "durability",
        "expiry",
        "memory",
        "clock",
        "log",
        "log against the summary file",
        "log against the summary API",
    ]


async def test_a_log_shorter_than_its_summaries_is_wrong(redis_url, mall, tmp_path):
    client = await log_of(redis_url, mall, "1", "2")
    file = tmp_path / "summaries.jsonl"
    file.write_text(json.dumps({"position": 3}) + "\n")
    found = await levels(redis_url, mall, file, position=2)
    await client.aclose()
    assert found["log against the summary file"] is Level.WRONG
    assert found["log against the summary API"] is Level.OK


async def test_a_log_with_a_hole_is_wrong(redis_url, mall, tmp_path):
    client = await log_of(redis_url, mall, "1", "2", "3")
    await client.xdel(BackendKeys(mall).log, "2-0")
    found = await levels(redis_url, mall, tmp_path / "none")
    await client.aclose()
    assert found["log"] is Level.WRONG


@pytest.mark.parametrize(
    ("directive", "value"),
    [
        ("appendfsync", "everysec"),
        ("maxmemory-policy", "allkeys-lru"),
        ("appendonly", "no"),
        ("aof-load-truncated", "yes"),
        ("no-appendfsync-on-rewrite", "yes"),
    ],
)
async def test_a_redis_that_may_forget_is_wrong(redis_server, mall, tmp_path, directive, value):
    client = connect_redis(redis_server.url)
    await client.config_set(directive, value)
    await client.aclose()
    findings = {finding.about: finding for finding in await redis.examine(redis_server.url, mall, tmp_path, None)}
    assert findings["durability"].level is Level.WRONG
    assert f"CONFIG SET {directive}" in findings["durability"].advice


async def test_a_redis_that_is_nearly_full_is_wrong(redis_server, mall, tmp_path):
    client = connect_redis(redis_server.url)
    used = (await client.info("memory"))["used_memory"]
    await client.config_set("maxmemory", int(used / 0.85))
    await client.aclose()
    assert (await levels(redis_server.url, mall, tmp_path))["memory"] is Level.WRONG


async def test_queues_that_nobody_declared_are_wrong(rabbitmq_url):
    findings = {finding.about: finding for finding in await rabbitmq.examine(rabbitmq_url)}
    assert findings["RabbitMQ"].level is Level.OK
    assert findings[f"queue {ENTRIES_QUEUE}"].level is Level.WRONG
    assert "start the backend" in findings[f"queue {ENTRIES_QUEUE}"].advice


async def test_messages_that_nobody_takes_are_wrong_and_dead_letters_are_noted(rabbitmq_url):
    async with await connect(rabbitmq_url) as connection:
        channel = await connection.channel()
        for name in [*WORK_QUEUES, DEAD_LETTERS_QUEUE]:
            await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
        await publish(channel, ENTRIES_QUEUE)
        await publish(channel, DEAD_LETTERS_QUEUE)
        findings = {finding.about: finding for finding in await rabbitmq.examine(rabbitmq_url)}
    assert findings[f"queue {ENTRIES_QUEUE}"].found == "1 waiting, nobody takes them"
    assert findings[f"queue {DEAD_LETTERS_QUEUE}"].level is Level.NOTE


async def publish(channel, queue):
    await channel.default_exchange.publish(Message(b"x"), queue)


async def test_a_log_that_the_mark_does_not_name_is_wrong(redis_url, rabbitmq_url, mall):
    settings = Settings(redis_url=redis_url, rabbitmq_url=rabbitmq_url, mall=mall)
    (found,) = await mark.examine(settings)
    assert (found.level, found.found) == (Level.OK, "there is no mark yet: the first backend that starts writes it")
    marks = MarkStream(rabbitmq_url)
    await marks.follow()
    await marks.renew(Mark(mall=mall, log_id="lost", position=7, since_us=1))
    await marks.close()
    for _ in range(2):  # To look changes nothing.
        (found,) = await mark.examine(settings)
        assert found.level is Level.WRONG
        assert "Redis holds no log, not lost" in found.found
        assert "append-only file" in found.advice
    (found,) = await mark.examine(structs.replace(settings, mall="other"))
    assert f"the mark of the mall '{mall}', not of 'other'" in found.found

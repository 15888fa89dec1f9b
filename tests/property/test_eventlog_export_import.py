"""What is exported and imported is the same log: records, fold, and what is refused as known."""

import asyncio
from itertools import chain, count

import pytest
from eventlog_stores import NewLog
from histories import NOW, SECOND, START, candidates_of, histories
from hypothesis import HealthCheck, given, settings
from parkstream_eventlog import Duplicate, MemoryLog, TooOld
from parkstream_eventlog.transfer.export import exported, lines_of
from parkstream_eventlog.transfer.importer import import_lines
from parkstream_eventlog.transfer.memory_import import MemoryImport
from parkstream_eventlog.transfer.redis_import import RedisImport
from parkstream_eventlog.verify import Findings, LogCheck
from parkstream_eventlog.verify.index import IdIndex
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_service.redis import connect
from projections import Truth

numbers = count()


async def lines_exported(log):
    return b"".join([lines_of(records) async for records in exported(log)]).splitlines(keepends=True)


def log_of(records):
    log = MemoryLog(LOG_SCHEMA, lambda: NOW)
    if records:
        log.take_over(records)
    return log


async def assert_same(log, records):
    read = list(chain.from_iterable([batch async for batch in exported(log)]))
    assert read == records
    assert Truth(read).hash == Truth(records).hash
    again = list(candidates_of(records))
    for (position, candidate), outcome in zip(again, await log.append([c for _, c in again]), strict=True):
        forgotten = candidate.event_time_us < START - 100 * SECOND
        assert isinstance(outcome, TooOld) if forgotten else outcome == Duplicate(position)


@pytest.mark.timeout(3_600)
def test_export_and_import_give_the_same_log():
    with asyncio.Runner() as runner:

        @settings(max_examples=3_000, deadline=None)
        @given(histories)
        def same(records):
            async def moved():
                lines, log = await lines_exported(log_of(records)), MemoryLog(LOG_SCHEMA, lambda: NOW)
                await import_lines(lines, MemoryImport(log))
                await assert_same(log, records)

            runner.run(moved())

        same()


def test_in_redis_too_and_verify_finds_nothing(redis_url, mall):
    with asyncio.Runner() as runner:
        redis = connect(redis_url)

        @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(histories)
        def same(records):
            async def moved():
                keys = BackendKeys(f"{mall}-{next(numbers)}")
                log = NewLog(redis, keys, LOG_SCHEMA)
                await import_lines(await lines_exported(log_of(records)), RedisImport(redis, keys, LOG_SCHEMA))
                findings = Findings()
                await LogCheck(log, IdIndex(redis, keys), LOG_SCHEMA, await log.state(), findings).run()
                assert findings.listed == []
                await assert_same(log, records)

            runner.run(moved())

        same()
        runner.run(redis.aclose())

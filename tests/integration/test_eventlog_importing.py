"""Imports into a real Redis: what the log is afterwards, and what interrupts them."""

import asyncio
import time

import pytest
from command import Command
from eventlog_stores import NewLog, entered
from parkstream_eventlog import Duplicate, Record
from parkstream_eventlog.id_index import decision_field
from parkstream_eventlog.log import LogState
from parkstream_eventlog.transfer.export import lines_of
from parkstream_eventlog.transfer.importer import BATCH_MAX, NotImportedError, Reader, import_lines
from parkstream_eventlog.transfer.json_lines import line_of
from parkstream_eventlog.transfer.redis_import import RedisImport
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.units import DAY_US
from parkstream_service.redis import connect
from projections import HOUR, day_of_traffic, now_us

POLL_SECONDS = 0.005


@pytest.fixture
async def redis(redis_url):
    async with connect(redis_url) as client:
        yield client


@pytest.fixture
def log(redis, mall):
    return NewLog(redis, BackendKeys(mall), LOG_SCHEMA)


@pytest.fixture
def target(redis, mall):
    return RedisImport(redis, BackendKeys(mall), LOG_SCHEMA)


@pytest.fixture
async def source(redis, mall):
    """A log of real traffic, in a mall beside."""
    log = NewLog(redis, BackendKeys(f"{mall}-source"), LOG_SCHEMA)
    await log.append(day_of_traffic(700, now_us() - HOUR))
    await log.decide("news.v1", "decided", b"{}", unless_after=None)
    return log


def record(position, *, at=None, id_=None, type_="news.v1"):
    recorded_at_us = now_us() - HOUR + position if at is None else at
    return Record(position, type_, id_ or f"id-{position}", b"{}", recorded_at_us, None, None)


def lines(first, last):
    begun_us = now_us() - HOUR
    return [line_of(record(position, at=begun_us + position)) for position in range(first, last + 1)]


def same(state: LogState) -> tuple[int, ...]:
    return state._replace(now_us=0)


async def test_the_log_is_as_it_was_with_its_index_and_what_decisions_rest_on(redis, mall, log, source, target):
    records = await source.read(0, 10_000)
    exported = lines_of(records, await source.create())
    await import_lines(exported.splitlines(keepends=True), target)
    assert await log.read(0, 10_000) == records
    assert same(await log.state()) == same(await source.state())
    for key in await redis.keys(f"*{{{mall}}}:log:ids:*"):
        there = key.replace(mall.encode(), f"{mall}-source".encode())
        assert await redis.hgetall(key) == await redis.hgetall(there)
        assert await redis.expiretime(key) == await redis.expiretime(there)


async def test_what_was_imported_is_refused_as_known_and_what_comes_next_is_appended(log, source, target):
    await import_lines(map(line_of, await source.read(0, 10_000)), target)
    first, *_ = traffic = day_of_traffic(3, now_us())
    end = (await log.state()).position
    assert await log.decide("news.v1", "decided", b"{}", unless_after=None) == Duplicate(end)
    outcome, *_ = await log.append([first._replace(id="new", body=b"{}"), *traffic])
    assert outcome.position == end + 1


async def test_a_log_that_was_created_before_keeps_its_own_id(log, target):
    log_id = await log.create()
    await import_lines([line_of(record(1), "another"), line_of(record(2))], target)
    assert (await log.state()).log_id == log_id


async def test_lines_that_name_no_log_make_a_new_one(log, target):
    await import_lines(lines(1, 2), target)
    assert (await log.state()).log_id


async def test_ids_that_nobody_would_remember_are_not_filled_in(redis, mall, target):
    long_ago = now_us() - 36 * DAY_US
    await import_lines([line_of(record(1, at=long_ago)), line_of(record(2, at=now_us() - HOUR))], target)
    (bucket,) = await redis.keys(f"*{{{mall}}}:log:ids:*")
    assert await redis.hkeys(bucket) == [decision_field("id-2")]


@pytest.mark.parametrize(
    ("second", "match"),
    [
        ({"id_": "id-1"}, "line 2: its id is that of position 1"),
        ({"at": 2**52}, "line 2: it was recorded in the future of Redis' clock"),
    ],
)
async def test_what_only_redis_can_tell_is_told_with_its_line(log, target, second, match):
    with pytest.raises(NotImportedError, match=match):
        await import_lines([line_of(record(1)), line_of(record(2, **second))], target)
    assert (await log.state()).length == 0


async def test_of_a_file_with_a_wrong_line_whole_batches_are_imported(log, target):
    good = lines(1, 3 * BATCH_MAX)
    with pytest.raises(NotImportedError, match=f"line {2 * BATCH_MAX + 2}: no record"):
        await import_lines([*good[: 2 * BATCH_MAX + 1], b"torn"], target)
    assert (await log.state()).position == 2 * BATCH_MAX
    await import_lines(good, target)
    assert (await log.state()).position == 3 * BATCH_MAX


async def test_the_function_itself_refuses_what_does_not_follow(log, target):
    standing = await target.standing()
    batches = list(Reader(lines(1, 2 * BATCH_MAX), standing, LOG_SCHEMA, archived=False).batches())
    with pytest.raises(NotImportedError, match="was written to"):
        await target.take(batches[1:])
    await target.take(batches[:1])
    with pytest.raises(NotImportedError, match="was written to"):
        await target.take(batches[:1])
    await log.append([entered("live")])
    with pytest.raises(NotImportedError, match=f"at or after position {BATCH_MAX + 1}"):
        await target.take(batches[1:])
    assert (await log.state()).position == BATCH_MAX + 1


async def wait_until(log, at_least):
    deadline = time.monotonic() + 240
    while (await log.state()).position < at_least:
        assert time.monotonic() < deadline
        await asyncio.sleep(POLL_SECONDS)


async def test_an_import_that_is_killed_goes_on_when_it_is_run_again(redis_url, mall, log, tmp_path):
    file, count = tmp_path / "log.jsonl", 40_000
    file.write_bytes(b"".join(lines(1, count)))
    command = Command(redis_url, mall)
    with command.start("log", "import", str(file)) as importing:
        await wait_until(log, BATCH_MAX)
        importing.kill()
    killed_at = (await log.state()).position
    assert 0 < killed_at < count
    verified = await asyncio.to_thread(command.json, "log", "verify", code=1)
    assert verified["by_kind"] == {"import_unfinished": 1}
    moved = await asyncio.to_thread(command.json, "log", "import", str(file))
    assert moved["first"] > killed_at
    assert (moved["last"], moved["records"]) == (count, count + 1 - moved["first"])
    assert (await asyncio.to_thread(command.json, "log", "verify"))["records"] == count

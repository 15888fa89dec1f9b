"""What archiving does to a real log: what it takes, what holds it back, and what it leaves."""

import asyncio
import time
from pathlib import Path

import pytest
from archives import archive_of, archive_through, files_in, make_steps_small, named_in, records
from eventlog_stores import RedisStore, entered, written
from parkstream_eventlog import Appended, Duplicate, IdConflict, LogShorterError
from parkstream_eventlog.archive import (
    Archive,
    ArchiveBehindError,
    Archiver,
    BarrierError,
    BusyArchiveError,
    DifferentRecordError,
    NotArchivedError,
    OvertakenError,
    SpanningLog,
    Trimming,
    check_as_long_as_archive,
    defects_of,
    last_recorded_before,
)
from parkstream_eventlog.archive.durable import WRITING, alone_in
from parkstream_eventlog.archive.manifest import name_of
from parkstream_events.units import DAY_US
from redis.exceptions import OutOfMemoryError, ResponseError

DAY = time.time_ns() // 1_000 // DAY_US


@pytest.fixture
async def store(redis_url: str, mall: str, monkeypatch: pytest.MonkeyPatch):
    make_steps_small(monkeypatch.setattr)
    store = RedisStore(redis_url, mall)
    await store.log.append([entered(str(n), day=DAY - n % 3) for n in range(10)])
    yield store
    await store.close()


@pytest.fixture
async def appended(store: RedisStore):
    """The records of the log as they were before anything was archived."""
    return await store.log.read(0, 100)


async def stands(store: RedisStore) -> tuple[int, int]:
    """Return how far the log is archived; its length must agree."""
    state = await store.log.state()
    assert state.length == state.position - state.archived_through
    return state.archived_through, state.position


async def test_what_leaves_the_log_is_in_the_archive(store, appended, tmp_path):
    archive = await archive_through(store, tmp_path, 7)
    assert await stands(store) == (7, 10)
    assert [segment.last for segment in archive.manifest.segments] == [3, 6, 7]
    assert archive.read(0, 100) + await store.log.read(7, 100) == appended
    assert files_in(tmp_path) == named_in(archive)
    assert list(defects_of(archive)) == []
    assert archive.manifest.log == store.keys.mall
    first, last = archive.manifest.segments[0], archive.manifest.segments[-1]
    assert first.first_recorded_at_us == appended[0].recorded_at_us
    assert last.last_recorded_at_us == appended[6].recorded_at_us


async def test_the_next_archiving_goes_on_and_nothing_is_archived_twice(store, appended, tmp_path):
    for through in (4, 4, 2, 10, 100):
        archive = await archive_through(store, tmp_path, through)
    assert await stands(store) == (10, 10)
    assert archive.read(0, 100) == appended
    assert [segment.count for segment in archive.manifest.segments] == [3, 1, 3, 3]


async def test_duplicates_of_archived_records_are_still_known(store, appended, tmp_path):
    await archive_through(store, tmp_path, 10)
    again, other = await store.log.append([entered("4", day=DAY - 1), entered("5", body=b"{}", day=DAY - 2)])
    assert (again, other) == (Duplicate(5), IdConflict(6))
    (news,) = await store.log.append([entered("new")])
    assert isinstance(news, Appended)
    assert news.position == 11


async def refused(store, folder: Path, through: int) -> BarrierError:
    with pytest.raises(BarrierError) as error:
        await archive_through(store, folder, through)
    assert files_in(folder) == set()
    with pytest.raises(BarrierError):
        await Trimming(store.redis, store.keys)._step(0, through, through)
    assert await stands(store) == (0, 10)
    return error.value


async def test_nothing_goes_that_a_projection_has_not_taken_in(store, appended, tmp_path):
    await store.redis.hset(store.keys.projection(1, "meta"), "checkpoint", 8)
    assert "projection of version 1 has only got to position 8" in str(await refused(store, tmp_path, 9))
    await store.redis.sadd(store.keys.projections, 1, 2)
    await store.redis.hset(store.keys.projection(2, "meta"), "checkpoint", 3)
    assert "archive --through 3" in str(await refused(store, tmp_path, 4))
    await store.redis.srem(store.keys.projections, 2)
    await archive_through(store, tmp_path, 8)
    assert (await stands(store))[0] == 8


async def test_a_projection_that_has_taken_in_nothing_holds_everything(store, appended, tmp_path):
    await store.redis.sadd(store.keys.projections, 7)
    assert (await refused(store, tmp_path, 1)).position == 0


async def test_a_projection_that_begins_while_others_are_looked_at_is_asked_too(store, appended):
    keys = store.keys
    await store.redis.sadd(keys.projections, 2)
    fixed = [keys.log, keys.log_meta, keys.projections, keys.log_leases]
    answer = await written(store, "trim", [*fixed, keys.projection(1, "meta")], [0, 2, 1])
    assert answer == [2]
    assert await stands(store) == (0, 10)


async def test_nothing_goes_that_a_lease_keeps_until_it_runs_out(store, appended, tmp_path):
    seconds, _ = await store.redis.time()
    until_us = (seconds + 3600) * 1_000_000
    await store.redis.hset(store.keys.log_leases, "replay-7", f"5:{until_us}")
    error = await refused(store, tmp_path, 6)
    assert (error.name, error.position, error.until_us) == ("replay-7", 5, until_us)
    until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds + 3600))
    assert f"the lease of 'replay-7' keeps what comes after position 5 until {until}" in str(error)
    await archive_through(store, tmp_path, 5)
    await store.redis.hset(store.keys.log_leases, "replay-7", f"5:{(seconds - 1) * 1_000_000}")
    await archive_through(store, tmp_path, 6)
    assert (await stands(store))[0] == 6
    assert await store.redis.hlen(store.keys.log_leases) == 0


async def test_a_lease_taken_meanwhile_stops_the_trimming_where_it_stands(store, appended, tmp_path):
    archive = Archive(tmp_path, store.keys.mall)
    archiver = Archiver(store.redis, store.keys, archive)
    plan = await archiver.plan(10)
    await store.redis.hset(store.keys.log_leases, "late", "5:9999999999999999")
    with pytest.raises(BarrierError):
        await archiver.run(plan)
    assert await stands(store) == (5, 10)
    assert archive.read(0, 5) + await store.log.read(5, 10) == appended
    await store.redis.delete(store.keys.log_leases)
    assert (await archive_through(store, tmp_path, 10)).read(0, 100) == appended


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([0, 11, 1], "the log ends before 11"),
        ([0, 20_000, 1], "at most 10000 records"),
        ([3, 3, 1], "at most 10000 records"),
        ([0, "x", 1], "no integer"),
        ([0, 5, 2], "a key is not that of its projection version"),
        ([0, 5], "one key per projection version"),
    ],
)
async def test_a_wrong_argument_of_trim_takes_nothing(store, appended, arguments, problem):
    keys = store.keys
    all_keys = [keys.log, keys.log_meta, keys.projections, keys.log_leases, keys.projection(1, "meta")]
    with pytest.raises(ResponseError, match=problem):
        await written(store, "trim", all_keys, arguments)
    assert await stands(store) == (0, 10)


async def test_a_lease_that_nobody_can_read_takes_nothing(store, appended):
    await store.redis.hset(store.keys.log_leases, "odd", "soon")
    keys = store.keys
    with pytest.raises(ResponseError, match="the lease of odd is none: soon"):
        await written(store, "trim", [keys.log, keys.log_meta, keys.projections, keys.log_leases], [0, 2])
    assert await stands(store) == (0, 10)


async def test_an_archive_of_other_records_trims_nothing(store, appended, tmp_path):
    archive_of(tmp_path, 3, mall=store.keys.mall, log_id=await store.log.create())
    with pytest.raises(DifferentRecordError, match="differ at position 1; nothing from there on was trimmed"):
        await archive_through(store, tmp_path, 7)
    assert await stands(store) == (0, 10)
    assert Archive(tmp_path).read(0, 10) == records(1, 3)


async def test_what_an_interrupted_run_has_left_is_removed_while_the_log_still_has_it(store, appended, tmp_path):
    left = {name_of(1, 2), WRITING}
    for name in left:
        tmp_path.joinpath(name).touch()
    archive = await archive_through(store, tmp_path, 7)
    assert files_in(tmp_path) == named_in(archive)
    archiver = Archiver(store.redis, store.keys, archive)
    plan = await archiver.plan(9)
    tmp_path.joinpath("manifest.json").unlink()
    before = files_in(tmp_path)
    with pytest.raises(ArchiveBehindError):
        await archiver.run(plan)
    assert files_in(tmp_path) == before


async def test_another_folder_than_the_one_archived_to_is_refused(store, appended, tmp_path):
    await archive_through(store, tmp_path / "one", 4)
    with pytest.raises(ArchiveBehindError, match=r"archived through 4, but the archive in .*two ends at 0"):
        await archive_through(store, tmp_path / "two", 7)
    assert await stands(store) == (4, 10)


async def test_two_archivers_at_once_are_one_too_many(store, appended, tmp_path):
    with alone_in(tmp_path), pytest.raises(BusyArchiveError):
        await archive_through(store, tmp_path, 4)
    assert await stands(store) == (0, 10)


async def test_two_archivers_with_two_folders_lose_nothing(store, appended, tmp_path):
    one, two = (Archiver(store.redis, store.keys, Archive(tmp_path / name, store.keys.mall)) for name in "ab")
    plan_of_one, plan_of_two = await one.plan(4), await two.plan(9)
    await one.run(plan_of_one)
    with pytest.raises(OvertakenError, match="archived through 4 now"):
        await Trimming(store.redis, store.keys).trim(0, 6)
    with pytest.raises(ArchiveBehindError):
        await two.plan(9)
    with pytest.raises(Exception, match="position 1 is not in the log"):
        await two.run(plan_of_two)
    assert Archive(tmp_path / "a").read(0, 10) + await store.log.read(4, 10) == appended


async def test_a_full_redis_can_be_archived(redis_server, mall, tmp_path):
    store = RedisStore(redis_server.url, mall)
    await store.log.append([entered(str(n), body=b"x" * 5_000) for n in range(500)])
    used = (await store.redis.info("memory"))["used_memory"]
    await store.redis.config_set("maxmemory", used - 1_000_000)
    with pytest.raises(OutOfMemoryError):
        await store.log.append([entered("new")])
    await archive_through(store, tmp_path, 450)
    assert isinstance((await store.log.append([entered("new")]))[0], Appended)
    await store.close()


async def test_records_older_than_a_moment_are_found(store, appended):
    times = []
    for n in range(5):
        await store.log.append([entered(f"later-{n}")])
        times.append((await store.log.state()).recorded_at_us)
    state = await store.log.state()
    assert [await last_recorded_before(store.log, state, at_us) for at_us in times] == [10, 11, 12, 13, 14]
    assert await last_recorded_before(store.log, state, 0) == 0
    assert await last_recorded_before(store.log, state, state.now_us + 1) == 15


async def test_a_reader_that_knew_nothing_of_the_archiving_reads_on(store, appended, tmp_path):
    log = SpanningLog(store.another(), Archive(tmp_path, store.keys.mall))
    assert await log.read(0, 2) == appended[:2]
    await archive_through(store, tmp_path, 5)
    assert await log.read(2, 2) == appended[2:4]
    following = log.follow(4, 2)
    found = await anext(following)
    for through in (7, 9):
        await archive_through(store, tmp_path, through)
        found += await anext(following)
    while len(found) < 6:
        found += await anext(following)
    assert found == appended[4:]
    news = asyncio.ensure_future(anext(following))
    await archive_through(store, tmp_path, 10)
    await store.log.append([entered("news")])
    assert [record.id for record in await news] == ["news"]


async def test_what_is_nowhere_is_an_error_that_says_where_to_look(store, appended, tmp_path):
    await archive_through(store, tmp_path / "one", 5)
    log = SpanningLog(store.log, Archive(tmp_path / "two", store.keys.mall))
    with pytest.raises(NotArchivedError, match=r"position 3 is not in the log, which begins at 6, .*two is empty: set"):
        await log.read(2, 10)
    with pytest.raises(NotArchivedError):
        await anext(log.follow(2, 10))
    assert await log.read(5, 10) == appended[5:]


async def test_a_log_that_ends_before_its_archive_is_an_error(store, appended, tmp_path):
    archive = await archive_through(store, tmp_path, 7)
    await check_as_long_as_archive(store.log, str(tmp_path), store.keys.mall)
    await store.redis.delete(store.keys.log, store.keys.log_meta)
    with pytest.raises(LogShorterError):
        await SpanningLog(store.log, archive).read(0, 10)
    with pytest.raises(LogShorterError):
        await check_as_long_as_archive(store.log, str(tmp_path), store.keys.mall)
    with pytest.raises(LogShorterError):
        await archive_through(store, tmp_path, 10)

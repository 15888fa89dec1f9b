"""How concurrent callers share appends, and what becomes of them when appending fails."""

import asyncio
from collections.abc import Sequence

import pytest
from eventlog_stores import entered
from parkstream_eventlog import Appended, Candidate, Duplicate, GroupCommit, MemoryLog, Outcome
from parkstream_events.log_schema import LOG_SCHEMA
from redis.exceptions import BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError


class SlowLog(MemoryLog):
    """A log whose appends end when the test says so, and which fails as it is told to."""

    def __init__(self, *failures: Exception, refused: str = "") -> None:
        super().__init__(LOG_SCHEMA)
        self.failures = list(failures)
        self.refused = refused
        self.calls: list[list[str]] = []
        self.called = asyncio.Event()
        self.may_end = asyncio.Semaphore(0)

    async def append(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        ids = [candidate.id for candidate in candidates]
        self.calls.append(ids)
        self.called.set()
        await self.may_end.acquire()
        if self.refused in ids:
            raise ResponseError(self.refused)
        if self.failures:
            raise self.failures.pop(0)
        return await super().append(candidates)

    def let(self, calls: int) -> None:
        for _ in range(calls):
            self.may_end.release()


def recording(commit: GroupCommit, ids: str) -> list[asyncio.Task[Outcome]]:
    return [asyncio.create_task(commit.record(entered(id_))) for id_ in ids]


async def test_what_arrives_during_a_call_goes_into_the_next():
    log = SlowLog()
    async with GroupCommit(log) as commit:
        first = recording(commit, "ab")
        await log.called.wait()
        rest = recording(commit, "cdef")
        await asyncio.sleep(0)
        log.let(2)
        outcomes = await asyncio.gather(*first, *rest)
    assert log.calls == [["a", "b"], ["c", "d", "e", "f"]]
    assert [outcome.position for outcome in outcomes if isinstance(outcome, Appended)] == [1, 2, 3, 4, 5, 6]


async def test_one_alone_waits_for_nobody():
    log = SlowLog()
    log.let(1)
    async with GroupCommit(log) as commit:
        assert isinstance(await commit.record(entered("a")), Appended)


async def test_a_group_is_no_larger_than_allowed_but_a_callers_batch_stays_whole():
    log = SlowLog()
    log.let(9)
    async with GroupCommit(log, size_max=3) as commit:
        batches = ["ab", "cd", "e", "fghij", "k"]
        outcomes = await asyncio.gather(*(commit.record_many([entered(id_) for id_ in ids]) for ids in batches))
    assert list(map("".join, log.calls)) == ["ab", "cde", "fghij", "k"]
    assert list(map(len, outcomes)) == [2, 2, 1, 5, 1]


async def test_an_empty_batch_has_no_outcomes():
    log = SlowLog()
    log.let(1)
    async with GroupCommit(log) as commit:
        assert await commit.record_many([]) == []


async def test_a_transient_error_is_retried_until_it_passes():
    retries: list[Exception] = []
    commits: list[int] = []
    lost = RedisConnectionError("lost")
    log = SlowLog(lost, BusyLoadingError("loading"))
    log.let(3)
    async with GroupCommit(
        log,
        on_commit=lambda size, seconds: commits.append(size),
        on_retry=retries.append,
    ) as commit:
        outcomes = await asyncio.gather(*recording(commit, "ab"))
    assert [type(outcome) for outcome in outcomes] == [Appended, Appended]
    assert log.calls == [["a", "b"]] * 3
    assert (retries[0], len(retries), commits) == (lost, 2, [2])


async def test_what_was_appended_before_the_answer_was_lost_is_found_again():
    log = SlowLog(RedisConnectionError("lost"))
    await MemoryLog.append(log, [entered("a")])
    log.let(2)
    async with GroupCommit(log) as commit:
        assert await commit.record(entered("a")) == Duplicate(1)


async def test_one_that_is_refused_fails_alone():
    log = SlowLog(refused="b")
    log.let(9)
    async with GroupCommit(log) as commit:
        a, b, c = await asyncio.gather(*recording(commit, "abc"), return_exceptions=True)
    assert isinstance(a, Appended)
    assert isinstance(b, ResponseError)
    assert isinstance(c, Appended)


async def test_a_caller_who_goes_away_takes_nobody_along():
    log = SlowLog()
    async with GroupCommit(log) as commit:
        gone, stays = recording(commit, "ab")
        await log.called.wait()
        waiting_gone, waiting = recording(commit, "cd")
        await asyncio.sleep(0)
        gone.cancel()
        waiting_gone.cancel()
        await asyncio.sleep(0)
        log.let(2)
        outcomes = await asyncio.gather(stays, waiting)
    assert [type(outcome) for outcome in outcomes] == [Appended, Appended]
    assert log.calls == [["a", "b"], ["d"]]


async def test_to_end_cancels_everyone_who_waits():
    log = SlowLog()
    commit = GroupCommit(log)
    in_flight = recording(commit, "a")
    await log.called.wait()
    queued = recording(commit, "b")
    await asyncio.sleep(0)
    await commit.end()
    results = await asyncio.gather(*in_flight, *queued, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    with pytest.raises(RuntimeError, match="ended"):
        await commit.record(entered("c"))


async def test_to_end_cancels_those_who_are_tried_one_by_one_too():
    log = SlowLog(refused="a")
    commit = GroupCommit(log)
    callers = recording(commit, "abc")
    log.let(2)
    async with asyncio.timeout(5):
        (first,) = await asyncio.gather(callers[0], return_exceptions=True)
    await commit.end()
    results = await asyncio.gather(*callers[1:], return_exceptions=True)
    assert isinstance(first, ResponseError)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2


async def test_to_end_stops_retrying():
    class DownLog(MemoryLog):
        async def append(self, candidates: Sequence[Candidate]) -> list[Outcome]:
            raise RedisConnectionError

    retried = asyncio.Event()
    commit = GroupCommit(DownLog(LOG_SCHEMA), on_retry=lambda error: retried.set())
    (waiting,) = recording(commit, "a")
    await retried.wait()
    await commit.end()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_it_works_again_after_a_pause():
    log = SlowLog()
    log.let(9)
    async with GroupCommit(log) as commit:
        for id_ in "abc":
            assert isinstance(await commit.record(entered(id_)), Appended)
            await asyncio.sleep(0)
    assert log.calls == [["a"], ["b"], ["c"]]

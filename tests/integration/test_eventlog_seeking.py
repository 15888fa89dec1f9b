"""A time and an id are found in the log without reading it."""

from bisect import bisect_left

import pytest
from eventlog_stores import MemoryStore, RedisStore, entered, exited
from hypothesis import given, settings
from hypothesis import strategies as st
from parkstream_eventlog import GapError, MemoryLog, position_at, positions_of
from parkstream_events.log_schema import LOG_SCHEMA

UNIT = 1_000


class Clock:
    def __init__(self) -> None:
        self.now_us = UNIT

    def __call__(self) -> int:
        return self.now_us


async def log_of(gaps: list[int]) -> tuple[MemoryStore, list[int]]:
    """Return a log with a record after each of *gaps*, and when they were recorded."""
    clock, store = Clock(), MemoryStore()
    store.log = MemoryLog(LOG_SCHEMA, clock)
    recorded = []
    for number, gap in enumerate(gaps):
        clock.now_us += gap * UNIT
        await store.log.append([entered(f"{number}", day=0)])
        recorded.append(clock.now_us)
    return store, recorded


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), max_size=40), st.integers(-1, 60))
async def test_the_first_record_of_a_time_is_found(gaps, at):
    store, recorded = await log_of(gaps)
    assert await position_at(store.log, at * UNIT) == bisect_left(recorded, at * UNIT) + 1


async def test_what_is_archived_is_read_only_when_the_time_lies_there():
    store, recorded = await log_of([1] * 20)
    await store.archive(10)
    for position in range(12, 21):
        assert await position_at(store.log, recorded[position - 1]) == position
    with pytest.raises(GapError):
        await position_at(store.log, recorded[4])
    await store.archive(20)
    assert await position_at(store.log, recorded[-1] + 1) == 21


async def test_an_id_is_found_in_both_directions_and_on_every_day_that_is_known(redis_url, mall):
    store = RedisStore(redis_url, mall)
    now_us = (await store.log.state()).now_us
    today = now_us // 86_400_000_000
    await store.log.append([entered("a"), exited("a"), entered("b"), entered("a", body=b"other", day=today - 35)])
    await store.log.decide("rules.changed.v1", "a", b"{}", unless_after=None)
    assert await positions_of(store.redis, store.keys, "a") == [1, 2, 4, 5]
    assert await positions_of(store.redis, store.keys, "b") == [3]
    assert await positions_of(store.redis, store.keys, "c") == []
    await store.close()

"""What every event log promises: the one in memory, the one in Redis, and the one that spans Redis and an archive."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest
from eventlog_stores import TODAY_US, MemoryStore, RedisStore, SpanningStore, Store, entered, exited
from parkstream_eventlog import (
    NEVER,
    Appended,
    Candidate,
    Duplicate,
    EventLog,
    GapError,
    GroupCommit,
    IdConflict,
    InFuture,
    Latest,
    LogShorterError,
    NotTakenError,
    OtherLogError,
    Outcome,
    Overtaken,
    Record,
    TooOld,
    Writer,
)
from parkstream_eventlog.log import CLOCK_AHEAD_MAX_US, DEDUPE_DAYS
from parkstream_events import wire
from parkstream_events.units import DAY_US

SILENCE = (wire.WATERMARK_ADVANCED, "watermark:entry:1", b'{"to_us": 1}')


PLAIN = ["memory", "redis"]
SPANNING = [0.0, 0.3, 0.5, 1.0]
"""Shares of the log that are archived."""


@pytest.fixture(params=[*PLAIN, *SPANNING])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    place = request.getfixturevalue("redis_url"), request.getfixturevalue("mall")
    redis = RedisStore(*place) if request.param == "redis" else SpanningStore(*place, tmp_path, request.param)
    yield redis
    await redis.close()


@pytest.fixture
def log(store: Store) -> EventLog:
    return store.log


async def test_positions_are_dense_and_in_order(log: EventLog):
    outcomes = [*await log.append([entered("a"), exited("b")]), *await log.append([entered("c")])]
    assert [outcome.position for outcome in outcomes if isinstance(outcome, Appended)] == [1, 2, 3]
    assert [record.id for record in await log.read(0, 10)] == ["a", "b", "c"]


async def test_the_same_again_is_a_duplicate_and_changes_nothing(log: EventLog):
    await log.append([entered("a"), entered("b")])
    assert await log.append([entered("b"), entered("a")]) == [Duplicate(2), Duplicate(1)]
    assert (await log.state()).length == 2


async def test_the_same_twice_in_one_append_is_appended_once(log: EventLog):
    first, again, other = await log.append([entered("a"), entered("a"), entered("a", body=b"{}")])
    assert isinstance(first, Appended)
    assert (again, other) == (Duplicate(1), IdConflict(1))


async def test_the_same_id_with_another_body_is_a_conflict_and_changes_nothing(log: EventLog):
    await log.append([entered("a")])
    assert await log.append([entered("a", body=b"{}"), entered("a")]) == [IdConflict(1), Duplicate(1)]
    assert len(await log.read(0, 10)) == 1


async def test_an_entry_and_an_exit_may_share_an_id(log: EventLog):
    outcomes = await log.append([entered("a"), exited("a")])
    assert [type(outcome) for outcome in outcomes] == [Appended, Appended]


async def test_the_same_id_at_another_time_is_another_event(log: EventLog):
    first, *others = (entered("1", at_us=TODAY_US + later) for later in (0, 1, -DAY_US))
    assert [type(outcome) for outcome in await log.append([first, *others])] == [Appended] * 3
    assert await log.append([*others, first]) == [Duplicate(2), Duplicate(3), Duplicate(1)]
    conflict = entered("1", at_us=TODAY_US + 1, body=b"{}")
    assert await log.append([conflict]) == [IdConflict(2)]


async def test_a_sighting_older_than_the_known_ids_is_too_old(log: EventLog):
    today = (await log.state()).now_us // DAY_US
    oldest = today - DEDUPE_DAYS
    kept, refused = await log.append([entered("a", day=oldest), entered("b", day=oldest - 1)])
    assert isinstance(kept, Appended)
    assert refused == TooOld(oldest)
    assert await log.append([entered("a", day=oldest)]) == [Duplicate(1)]


async def test_a_day_long_ago_is_no_problem(log: EventLog):
    today = (await log.state()).now_us // DAY_US
    assert await log.append([entered("a", day=-5)]) == [TooOld(today - DEDUPE_DAYS)]


@pytest.mark.parametrize("ahead_us", [CLOCK_AHEAD_MAX_US + 60 * 1_000_000, 2 * 3_600 * 1_000_000, 8_000 * 365 * DAY_US])
async def test_a_sighting_dated_too_far_ahead_is_from_the_future_and_the_others_go_on(log: EventLog, ahead_us: int):
    now_us = (await log.state()).now_us
    future = exited("b", at_us=now_us + ahead_us)
    near = exited("c", at_us=now_us + CLOCK_AHEAD_MAX_US - 60 * 1_000_000)
    first, refused, last = await log.append([entered("a", at_us=now_us), future, near])
    assert isinstance(first, Appended)
    assert isinstance(last, Appended)
    assert refused == InFuture(first.recorded_at_us + CLOCK_AHEAD_MAX_US)
    assert [record.id for record in await log.read(0, 10)] == ["a", "c"]
    assert isinstance((await log.append([future]))[0], InFuture)


async def test_one_append_may_span_days(log: EventLog):
    today = (await log.state()).now_us // DAY_US
    batch = [entered(str(n), day=today - n % 7) for n in range(50)]
    assert all(isinstance(outcome, Appended) for outcome in await log.append(batch))
    assert await log.append(batch) == [Duplicate(n) for n in range(1, 51)]


async def test_nothing_appended_is_nothing(log: EventLog):
    assert await log.append([]) == []
    assert await log.read(0, 10) == []
    state = await log.state()
    assert (state.position, state.archived_through, state.length, state.latest) == (0, 0, 0, {})


async def test_more_than_one_step_takes_is_split_and_stays_in_order(log: EventLog):
    outcomes = await log.append([entered(str(n)) for n in range(1201)])
    assert [outcome.position for outcome in outcomes if isinstance(outcome, Appended)] == list(range(1, 1202))
    assert [record.id for record in await log.read(0, 2000)] == [str(n) for n in range(1201)]


async def test_everything_is_kept_as_received(log: EventLog):
    odd = entered("ü:{1} \u2028", body=bytes(range(256)), published_at_us=17, traceparent="00-aa-bb-01")
    bare = exited("x", body=b"")
    outcomes = await log.append([odd, bare])
    recorded = [outcome.recorded_at_us for outcome in outcomes if isinstance(outcome, Appended)]
    assert await log.read(0, 10) == [
        Record(1, odd.type, odd.id, odd.body, recorded[0], 17, "00-aa-bb-01"),
        Record(2, bare.type, bare.id, b"", recorded[1], None, None),
    ]


async def test_recorded_time_is_now_and_never_goes_back(store: Store):
    before_us = (await store.log.state()).now_us
    for n in range(3):
        await store.log.append([entered(str(n))])
    times = [record.recorded_at_us for record in await store.log.read(0, 10)]
    assert before_us <= times[0] <= time.time_ns() // 1_000
    await store.let_recorded_time_be_ahead(times[-1] + 60_000_000)
    await store.log.append([entered("later"), exited("later")])
    times += [record.recorded_at_us for record in await store.log.read(3, 10)]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert times[-1] == times[2] + 60_000_000


async def test_a_log_keeps_the_id_that_it_was_created_with(store: Store):
    created = await store.log.create()
    assert created
    assert await store.another().create() == created
    await store.log.append([entered("a")])
    assert await store.another().create() == created


async def test_whoever_means_another_log_writes_nothing(store: Store):
    await store.log.append([entered("a")])
    other = store.written_by(Writer("another"))
    with pytest.raises(OtherLogError, match="not another"):
        await other.append([entered("b")])
    with pytest.raises(OtherLogError):
        await other.decide(*SILENCE, unless_after=None)
    assert (await store.log.state()).position == 1


async def test_whoever_knows_the_log_to_be_longer_writes_nothing(store: Store):
    await store.log.append([entered("a"), entered("b")])
    knows = Writer(await store.log.create(), durable_position=3)
    with pytest.raises(LogShorterError) as error:
        await store.written_by(knows).append([entered("c")])
    assert (error.value.after, error.value.position) == (3, 2)
    with pytest.raises(LogShorterError):
        await store.written_by(knows).decide(*SILENCE, unless_after=None)
    knows = Writer(knows.log_id, durable_position=2)
    assert [type(outcome) for outcome in await store.written_by(knows).append([entered("c")])] == [Appended]
    assert knows.durable_position == 3


async def test_a_decision_is_never_appended_as_a_sighting(log: EventLog):
    with pytest.raises(NotTakenError):
        await log.append([entered("a"), entered("b")._replace(type=wire.WATERMARK_ADVANCED)])
    assert (await log.state()).position == 0


async def test_a_decision_is_appended_once_per_id(log: EventLog):
    first = await log.decide(*SILENCE, unless_after=None)
    assert isinstance(first, Appended)
    assert await log.decide(*SILENCE[:2], b"another", unless_after=None) == Duplicate(first.position)
    (record,) = await log.read(0, 10)
    assert record == Record(1, *SILENCE, first.recorded_at_us, None, None)


async def test_a_decision_is_overtaken_by_a_later_sighting_of_its_direction_only(log: EventLog):
    await log.append([entered("a")])
    await log.append([exited("b")])
    assert await log.decide(*SILENCE, unless_after=(["entry"], 0)) == Overtaken()
    assert isinstance(await log.decide(*SILENCE, unless_after=(["entry"], 1)), Appended)
    await log.append([entered("c")])
    assert await log.decide(*SILENCE, unless_after=(["entry"], 1)) == Duplicate(3)


async def test_a_decision_and_a_sighting_may_share_an_id(log: EventLog):
    await log.append([entered("a")])
    assert isinstance(await log.decide(wire.RULES_CHANGED, "a", b"{}", unless_after=None), Appended)


async def test_of_many_who_decide_the_same_one_is_heard(store: Store):
    others = [store.another() for _ in range(5)]
    outcomes = await asyncio.gather(*(other.decide(*SILENCE, unless_after=(["entry"], 0)) for other in others))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Appended", *["Duplicate"] * 4]


async def test_the_state_tells_the_last_of_each_direction(log: EventLog):
    await log.append([entered("a"), exited("b"), entered("c")])
    await log.decide(*SILENCE, unless_after=None)
    records = await log.read(0, 10)
    state = await log.state()
    assert (state.position, state.length) == (4, 4 - state.archived_through)
    assert state.latest == {
        "entry": Latest(3, records[2].recorded_at_us),
        "exit": Latest(2, records[1].recorded_at_us),
    }
    assert state.latest_of("another") == NEVER
    assert records[3].recorded_at_us == state.recorded_at_us <= state.now_us


async def test_reading_goes_on_where_it_stopped(log: EventLog):
    await log.append([entered(str(n)) for n in range(5)])
    assert [record.position for record in await log.read(1, 2)] == [2, 3]
    assert [record.position for record in await log.read(3, 2)] == [4, 5]
    assert await log.read(5, 2) == []


@pytest.mark.parametrize("store", PLAIN, indirect=True)
async def test_what_is_archived_is_a_gap_for_a_reader_not_a_skip(store: Store):
    await store.log.append([entered(str(n)) for n in range(5)])
    await store.archive(through=3)
    with pytest.raises(GapError) as error:
        await store.log.read(1, 10)
    assert (error.value.expected, error.value.found) == (2, 4)
    with pytest.raises(GapError):
        await anext(store.log.follow(2, 10))
    assert [record.position for record in await store.log.read(3, 10)] == [4, 5]
    state = await store.log.state()
    assert state.length == state.position - state.archived_through == 2


@pytest.mark.parametrize("store", PLAIN, indirect=True)
async def test_when_everything_is_archived_a_reader_of_it_fails_too(store: Store):
    await store.log.append([entered(str(n)) for n in range(5)])
    await store.archive(through=5)
    with pytest.raises(GapError):
        await store.log.read(4, 10)
    assert await store.log.read(5, 10) == []
    assert [type(outcome) for outcome in await store.log.append([entered("5")])] == [Appended]
    assert [record.position for record in await store.log.read(5, 10)] == [6]


async def test_a_log_that_ends_before_its_reader_is_an_error(log: EventLog):
    await log.append([entered("a")])
    with pytest.raises(LogShorterError) as error:
        await log.read(2, 10)
    assert (error.value.after, error.value.position) == (2, 1)
    with pytest.raises(LogShorterError):
        await anext(log.follow(2, 10))


async def test_a_follower_sees_what_is_there_and_what_comes(log: EventLog):
    await log.append([entered(str(n)) for n in range(5)])
    following = log.follow(1, 3)
    seen = [record.position for _ in range(2) for record in await anext(following)]
    assert seen == [2, 3, 4, 5]
    news = asyncio.ensure_future(anext(following))
    await let_it_wait(news)
    await log.append([exited("late")])
    assert [record.id for record in await news] == ["late"]


async def test_waiting_ends_when_the_position_is_there(log: EventLog):
    await log.append([entered("a")])
    await log.wait_for(1)
    waiting = asyncio.ensure_future(log.wait_for(3))
    await let_it_wait(waiting)
    await log.append([entered("b")])
    await let_it_wait(waiting)
    await log.append([entered("c")])
    await waiting


async def test_group_commits_of_several_clients_append_everything_once(store: Store):
    commits = [GroupCommit(store.another()) for _ in range(4)]
    wanted = [entered(str(n)) for n in range(300)]
    by_client = await asyncio.gather(*(together(commit.record, wanted) for commit in commits))
    for outcomes in zip(*by_client, strict=True):
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Appended", *["Duplicate"] * 3]
        assert len({outcome.position for outcome in outcomes}) == 1
    assert sorted(record.id for record in await store.log.read(0, 1000)) == sorted(map(str, range(300)))
    assert (await store.log.state()).position == 300


async def together(call: Callable[[Candidate], Awaitable[Outcome]], wanted: list[Candidate]) -> list[Outcome]:
    return await asyncio.gather(*map(call, wanted))


async def let_it_wait(task: asyncio.Future) -> None:
    """Give *task* every chance to end too early."""
    done, _ = await asyncio.wait([task], timeout=0.05)
    assert not done

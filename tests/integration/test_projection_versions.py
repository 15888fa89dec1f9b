"""Several versions of the projection beside each other: who may go on, who is asked, and how another becomes live."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from parkstream_eventlog import Candidate, Writer
from parkstream_events import wire
from parkstream_events.decisions import RestatedVisit, VisitsRestated
from parkstream_projection import (
    LiveVersionError,
    NotLiveError,
    NoVersionError,
    OtherLiveError,
    Reads,
    StaleError,
)
from projections import HOUR, Mall, Process, day_of_traffic, now_us, project
from redis.exceptions import ResponseError


@pytest.fixture
async def busy(shop: Mall) -> Mall:
    """A mall whose live version has taken in 200 records of a longer log."""
    await shop.log.append(day_of_traffic(300, now_us() - HOUR))
    await steps(shop.projector(), 200)
    return shop


async def steps(projector: Process, through: int) -> None:
    """Let *projector* take in the log up to *through*."""
    checkpoint = await projector.load()
    if checkpoint < through:
        await projector.step(await projector.log.read(checkpoint, through - checkpoint))


async def beside(shop: Mall, through: int = 200) -> int:
    """Return a new version that has taken in the log up to *through*."""
    version = await shop.versions.begin()
    await steps(shop.projector(version=version), through)
    await shop.versions.finish(version)
    return version


async def refused(shop: Mall, error: type[Exception], call: Callable[[], Awaitable[object]]) -> Any:
    """Assert that *call* raises *error* and changes nothing; return the error."""
    before = await shop.kept()
    with pytest.raises(error) as found:
        await call()
    assert await shop.kept() == before
    return found.value


async def test_versions_are_numbered_on_and_listed(busy: Mall):
    assert [await beside(busy), await busy.versions.begin()] == [2, 3]
    live, rebuilt, interrupted = await busy.versions.all()
    assert (live.number, live.live, live.checkpoint, live.rebuilt) == (1, True, 200, True)
    assert (rebuilt.number, rebuilt.live, rebuilt.state_hash, rebuilt.rebuilt) == (2, False, live.state_hash, True)
    assert (interrupted.number, interrupted.checkpoint, interrupted.rebuilt) == (3, 0, False)
    await busy.versions.drop(3)
    assert await busy.versions.begin() == 4, "a number is never used again"


async def test_every_commit_registers_its_version(busy: Mall):
    assert await busy.redis.smembers(busy.keys.projections) == {b"1"}
    await steps(busy.projector(version=7), 10)
    assert await busy.redis.smembers(busy.keys.projections) == {b"1", b"7"}


async def test_before_anything_was_emitted_no_other_version_may_begin(shop: Mall):
    await shop.log.append(day_of_traffic(10, now_us() - HOUR))
    with pytest.raises(NotLiveError) as error:
        await project(shop.projector(version=2))
    assert error.value.live == 1


@pytest.mark.parametrize("switched", [False, True])
async def test_a_version_that_is_not_live_passes_nothing_that_was_not_emitted(busy: Mall, switched: bool):
    other = await beside(busy, 150)
    if switched:
        await steps(busy.projector(version=other), 200)
        assert await busy.versions.switch(1, other, 200)
        other = 1
    projector = busy.projector(version=other)
    await steps(projector, 200)
    await refused(busy, NotLiveError, lambda: beyond(projector))
    await busy.holds(type(await busy.truth())((await busy.records())[:200]))


async def beyond(projector: Process) -> None:
    await projector.load()
    await projector.step(await projector.log.read(200, 1))


async def test_a_switch_at_other_checkpoints_or_of_another_live_version_changes_nothing(busy: Mall):
    version = await beside(busy, 199)
    before = await busy.kept()
    assert not await busy.versions.switch(1, version, 199)
    assert not await busy.versions.switch(1, version, 200)
    assert await busy.kept() == before
    await steps(busy.projector(version=version), 200)
    await refused(busy, OtherLiveError, lambda: busy.versions.switch(3, version, 200))
    await refused(busy, NoVersionError, lambda: busy.versions.switch(1, 3, 200))
    await refused(busy, OtherLiveError, lambda: busy.versions.switch(1, 1, 200))
    assert await busy.versions.switch(1, version, 200)
    assert (await busy.versions.live(), await busy.versions.before()) == (version, 1)


async def test_decisions_need_the_end_of_the_log_and_are_its_next_records(busy: Mall):
    version = await beside(busy)
    parts = [VisitsRestated(version, 200, nth, [RestatedVisit("CAR1", f"exit:{nth}", 1)]) for nth in (1, 2)]
    before = await busy.kept()
    assert not await busy.versions.switch(1, version, 200, parts)
    assert await busy.kept() == before
    await project(busy.projector())
    await project_silently(busy, version)
    end = (await busy.log.state()).position
    parts = [VisitsRestated(version, end, nth, part.visits) for nth, part in enumerate(parts, 1)]
    assert await busy.versions.switch(1, version, end, parts)
    first, second = await busy.log.read(end, 10)
    assert [wire.decode(record.type, record.body) for record in (first, second)] == parts
    assert (first.position, second.position, first.id) == (end + 1, end + 2, f"restated:{end}:1")
    assert (await busy.log.state()).position == end + 2
    again = await busy.log.decide(first.type, first.id, first.body, unless_after=None)
    assert again.position == end + 1, "the log knows the id"


async def project_silently(shop: Mall, version: int) -> None:
    checkpoint = (await shop.reads.state()).checkpoint
    await steps(shop.projector(version=version), checkpoint)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({1: "x"}, "a version"),
        ({3: "many"}, "dedupe_days"),
        ({4: ""}, "the newest day"),
        ({4: "1"}, "the clocks"),
        ({5: "0"}, "decisions follow"),
        ({7: "restated:199:1"}, "not that of its position"),
        ({9: "short"}, "a digest"),
        ({9: None}, "no whole decisions"),
    ],
)
async def test_wrong_arguments_of_a_switch_change_nothing(busy: Mall, wrong: dict[int, str | None], problem: str):
    await project(busy.projector())
    version = await beside(busy, end := (await busy.log.state()).position)
    today = now_us() // 86_400_000_000
    right = ["1", version, end, 35, today + 1, "1", "t", f"restated:{end}:1", "{}", "12345678"]
    caller = [*Writer(await busy.log.create(), end).caller()]
    arguments = [*caller, *(wrong.get(nth, argument) for nth, argument in enumerate(right))]
    keys = busy.keys
    metas = [keys.projection(number, "meta") for number in (1, version)]
    touched = [keys.projections, keys.outbox_meta, *metas, keys.log, keys.log_meta]
    touched += [keys.log_ids(today + 1), keys.log_ids(today)]
    before = await busy.kept()
    with pytest.raises(ResponseError, match=problem):
        await busy.versions._functions.call("switch", touched, [one for one in arguments if one is not None])
    assert await busy.kept() == before
    assert await busy.versions._functions.call("switch", touched, [*caller, *right]) == [0, end + 1]


async def test_a_dropped_version_leaves_nothing_and_its_projector_cannot_go_on(busy: Mall):
    version = await beside(busy)
    late = busy.projector(version=version)
    await late.load()
    await refused(busy, LiveVersionError, lambda: busy.versions.drop(1))
    await refused(busy, NoVersionError, lambda: busy.versions.drop(9))
    await busy.versions.drop(version)
    assert [key for key in await busy.kept() if f"projection:{version}:".encode() in key] == []
    assert [one.number for one in await busy.versions.all()] == [1]
    await project(busy.projector())
    with pytest.raises(StaleError):
        await late.step(await busy.log.read(200, 10))


async def test_what_was_live_before_is_forgotten_when_it_is_dropped(busy: Mall):
    assert await busy.versions.switch(1, await beside(busy), 200)
    await busy.versions.drop(1)
    assert await busy.versions.before() is None


async def test_a_projector_of_the_live_version_goes_on_with_the_new_one(busy: Mall):
    follower = busy.projector()
    assert (await follower.load(), follower.version) == (200, 1)
    version = await beside(busy)
    assert await busy.versions.switch(1, version, 200)
    with pytest.raises(NotLiveError):
        await follower.step(await busy.log.read(200, 10))
    await project(follower)
    assert follower.version == version
    await busy.holds(await busy.truth())


async def test_a_projector_that_lags_behind_the_switch_does_not_serve_the_old_version(busy: Mall):
    laggard = busy.projector()
    await laggard.load()
    assert await busy.versions.switch(1, await beside(busy), 200)
    await project(busy.projector())
    with pytest.raises(NotLiveError):
        await laggard.step(await busy.log.read(200, 10))


async def test_reads_answer_for_the_live_version_in_one_round_trip(busy: Mall, monkeypatch: pytest.MonkeyPatch):
    version = await beside(busy)
    assert await busy.versions.switch(1, version, 200)
    await project(busy.projector())
    assert (await busy.reads.state()).checkpoint > 200
    assert (await Reads(busy.redis, busy.keys, version=1).state()).checkpoint == 200
    trips = 0
    functions = busy.reads._functions

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*words: Any, **options: Any) -> Any:
            nonlocal trips
            trips += 1
            return call(*words, **options)

        return counting

    for name in ("execute", "pipeline"):
        monkeypatch.setattr(functions, name, counted(getattr(functions, name)))
    for nth, ask in enumerate((busy.reads.state, partial(busy.reads.plate, "CAR1"), busy.reads.outlook), 1):
        await ask()
        assert trips == nth


async def test_reads_during_switches_are_always_those_of_one_version(busy: Mall):
    version = await beside(busy)
    await busy.redis.hset(busy.keys.projection(version, "meta"), "state_hash", "other")
    first, outlook = (await busy.reads.state()).state_hash, await busy.reads.outlook()
    done = asyncio.Event()
    switching = asyncio.create_task(back_and_forth(busy, version, done))
    for _ in range(30):
        assert (await busy.reads.state()).state_hash in {first, "other"}
        assert (await busy.reads.outlook()) == outlook
        assert await busy.reads.plate("CAR1")
    done.set()
    assert await switching > 10
    assert (await busy.reads.state()).state_hash == first
    await busy.versions.switch(1, version, 200)
    assert (await busy.reads.state()).state_hash == "other"


async def back_and_forth(shop: Mall, version: int, done: asyncio.Event) -> int:
    """Switch to *version* and back until *done*; return how often."""
    times = 0
    while not done.is_set():
        assert await shop.versions.switch(1, version, 200)
        assert await shop.versions.switch(version, 1, 200)
        times += 2
    return times


async def test_projectors_that_race_a_loop_of_switches_emit_exactly_the_truth(shop: Mall):
    traffic = day_of_traffic(600, now_us() - HOUR)
    await shop.log.append(traffic[:100])
    await project(shop.projector())
    version = await beside(shop, (await shop.log.state()).position)
    done = asyncio.Event()
    racing = [until(done, shop.projector(), batch) for batch in (3, 7, 20)]
    *_, switches, _ = await asyncio.gather(
        *racing,
        switch_until(done, shop, version),
        drive(done, shop, [traffic[n : n + 10] for n in range(100, 900, 10)]),
    )
    assert switches > 5
    await shop.holds(await shop.truth())


async def drive(done: asyncio.Event, shop: Mall, parts: list[list[Candidate]]) -> None:
    for nth, part in enumerate(parts):
        await shop.log.append(part)
        if nth % 8 == 0:
            await switched(shop)
    end = (await shop.log.state()).position
    async with asyncio.timeout(240):
        while (await shop.reads.state()).checkpoint < end:
            await asyncio.sleep(0.01)
    done.set()


async def switched(shop: Mall) -> None:
    """Return when another version has become live."""
    live = await shop.versions.live()
    async with asyncio.timeout(240):
        while await shop.versions.live() == live:
            await asyncio.sleep(0)


async def until(done: asyncio.Event, projector: Process, batch: int) -> None:
    while not done.is_set():
        with suppress(StaleError):
            await project(projector, batch)
        await asyncio.sleep(0)


async def switch_until(done: asyncio.Event, shop: Mall, version: int) -> int:
    """Switch between the first version and *version*, and return how often it was done."""
    followers = {number: shop.projector(version=number) for number in (1, version)}
    live, other, switches = 1, version, 0
    while not done.is_set():
        checkpoint = (await shop.reads.state()).checkpoint
        await steps(followers[other], checkpoint)
        if await shop.versions.switch(live, other, checkpoint):
            live, other, switches = other, live, switches + 1
        await asyncio.sleep(0)
    return switches

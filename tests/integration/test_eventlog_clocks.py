"""The log against clocks that step: what one caller, or a new one, may write. A caller's clock stands for Redis'."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from eventlog_stores import RedisStore, entered
from parkstream_eventlog import Appended, ClocksApartError, ClockSteppedError, RedisLog, Writer, writer
from parkstream_eventlog.writer import Caller
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_service.redis import is_transient

SECOND = 1_000_000
MINUTE, DAY = 60 * SECOND, 86_400 * SECOND


class Elsewhere(Writer):
    """Writes from a machine whose wall clock is *wall_us* ahead, and which was started *boot_us* later."""

    wall_us = 0
    boot_us = 0
    boot = ""

    def caller(self) -> Caller:
        now = super().caller()
        boot = self.boot or now.boot
        return now._replace(now_us=now.now_us + self.wall_us, boottime_us=now.boottime_us - self.boot_us, boot=boot)


@pytest.fixture
async def store(redis_url: str, mall: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_url, mall)
    await store.log.create()
    yield store
    await store.close()


async def elsewhere(store: RedisStore, **more: float) -> tuple[Elsewhere, RedisLog]:
    """Return a writer of the log, and the log as it writes it."""
    made = Elsewhere(await store.log.create(), **more)
    return made, RedisLog(store.redis, store.keys, LOG_SCHEMA, writer=made)


async def clocks_in(store: RedisStore) -> dict[bytes, bytes]:
    return {name: value for name, value in (await store.redis.hgetall(store.keys.log_meta)).items() if b"clock" in name}


@pytest.mark.parametrize("apart_us", [2 * MINUTE, -2 * MINUTE, 8 * DAY])
async def test_clocks_that_are_apart_are_refused_until_they_are_not(store: RedisStore, apart_us: int):
    here, log = await elsewhere(store)
    here.wall_us = apart_us
    for _ in range(2):
        with pytest.raises(ClocksApartError) as error:
            await log.append([entered("a")])
        assert is_transient(error.value)
        assert abs(error.value.apart_us + apart_us) < MINUTE
    with pytest.raises(ClocksApartError):
        await log.examine()
    with pytest.raises(ClocksApartError):
        await log.take_clock()
    assert (await log.state()).position == 0
    here.wall_us = MINUTE // 2
    assert isinstance((await log.append([entered("a")]))[0], Appended)


async def test_what_the_clock_showed_is_noted_once_and_anew_when_it_drifts(store: RedisStore):
    here, log = await elsewhere(store)
    await log.examine()
    first = await clocks_in(store)
    await log.append([entered("a")])
    assert await clocks_in(store) == first
    here.boot_us = 30 * SECOND
    await log.examine()
    here.boot_us = 80 * SECOND
    assert await log.examine() == 0
    assert len(await clocks_in(store)) == 1
    assert await clocks_in(store) != first


@pytest.mark.parametrize("step_us", [2 * MINUTE, -2 * MINUTE, 8 * DAY, -8 * DAY])
async def test_a_step_is_refused_and_taken_when_it_has_stood(store: RedisStore, step_us: int):
    here, log = await elsewhere(store, step_stands_seconds=0)
    await log.append([entered("a")])
    here.boot_us = step_us
    with pytest.raises(ClockSteppedError) as error:
        await log.append([entered("b")])
    assert is_transient(error.value)
    assert abs(error.value.step_us - step_us) < MINUTE
    assert isinstance((await log.append([entered("b")]))[0], Appended)
    assert await log.examine() == 1


async def test_a_step_that_goes_on_stepping_does_not_stand(store: RedisStore):
    here, log = await elsewhere(store, step_stands_seconds=0)
    await log.append([entered("a")])
    for nth in range(1, 5):
        here.boot_us = nth * 10 * MINUTE
        with pytest.raises(ClockSteppedError):
            await log.append([entered("b")])
    assert (await log.state()).position == 1


async def test_a_step_that_lasts_is_not_taken_before_its_time(store: RedisStore):
    here, log = await elsewhere(store)
    await log.append([entered("a")])
    here.boot_us = 8 * DAY
    for _ in range(5):
        with pytest.raises(ClockSteppedError):
            await log.append([entered("b")])
    here.boot_us = 0
    assert isinstance((await log.append([entered("b")]))[0], Appended)


async def test_another_process_of_the_same_boot_knows_what_the_clock_showed(store: RedisStore):
    await store.log.append([entered("a")])
    here, log = await elsewhere(store)
    here.boot_us = 2 * MINUTE
    with pytest.raises(ClockSteppedError):
        await log.examine()


async def test_another_machine_has_a_boot_of_its_own(store: RedisStore):
    await store.log.append([entered("a")])
    here, log = await elsewhere(store)
    here.boot_us, here.boot = 3 * DAY, "another"
    await log.append([entered("b")])
    here.boot_us = 4 * DAY
    with pytest.raises(ClockSteppedError):
        await log.append([entered("c")])
    assert isinstance((await store.log.append([entered("c")]))[0], Appended)


async def test_a_clock_behind_the_last_record_is_a_step_for_a_boot_that_is_new(store: RedisStore):
    await store.log.append([entered("a")])
    await store.let_recorded_time_be_ahead((await store.log.state()).now_us + 8 * DAY)
    here, log = await elsewhere(store)
    here.boot = "new"
    with pytest.raises(ClockSteppedError):
        await log.append([entered("b")])
    assert await log.take_clock() != (0, 0)
    assert isinstance((await log.append([entered("b")]))[0], Appended)
    here.boot = "newer"
    assert isinstance((await log.append([entered("c")]))[0], Appended)
    await store.let_recorded_time_be_ahead(0)
    await log.examine()
    assert b"clock_taken_us" not in await clocks_in(store)


async def test_a_person_takes_the_clock_for_every_machine(store: RedisStore):
    here, log = await elsewhere(store)
    await log.append([entered("a")])
    here.boot_us = 8 * DAY
    with pytest.raises(ClockSteppedError):
        await log.append([entered("b")])
    here.boot = "that of the person"
    await log.take_clock()
    here.boot = ""
    assert isinstance((await log.append([entered("b")]))[0], Appended)
    assert await log.examine() == 1


async def test_what_is_kept_of_boots_is_bounded(store: RedisStore):
    here, log = await elsewhere(store)
    for nth in range(120):
        here.boot = f"boot-{nth}"
        await log.examine()
    assert len(await clocks_in(store)) <= 51


def test_where_nothing_names_a_boot_each_process_has_its_own(monkeypatch: pytest.MonkeyPatch):
    assert writer.boot() == writer.boot()
    monkeypatch.setattr(writer, "_BOOT_ID", Path("/proc/none"))
    assert writer.boot() != writer.boot()

"""Another version of the projection, rebuilt beside the live one: exactly as that one, whatever happens meanwhile."""

import asyncio
import random
import time
from collections.abc import Callable

import pytest
from parkstream_projection import IncompleteStateError, StaleError
from parkstream_projection.rebuild import DamagedVersionError, ReadingError, Rebuilder, Source
from projections import HOUR, Mall, day_of_traffic, now_us, project
from rebuilds import OTHER, rebuilding, untouched, with_traffic


@pytest.fixture
def deadline() -> Callable[[], None]:
    """Fail when it is called too late."""
    ends_at = time.monotonic() + 600
    return lambda: None if time.monotonic() < ends_at else pytest.fail("not within 600 s")


def rebuilder(shop: Mall, version: int = OTHER, **more) -> Rebuilder:
    return Rebuilder(Source(shop.url, shop.keys.mall), shop.redis, shop.keys, version, **more)


async def checkpoint_of(shop: Mall, version: int = OTHER) -> int:
    return int(await shop.redis.hget(shop.keys.projection(version, "meta"), "checkpoint") or 0)


async def test_it_is_as_the_live_one_with_its_kept_hashes_and_nothing_else_is_touched(shop: Mall):
    await with_traffic(shop, 7_000)
    before, folded, touched = await untouched(shop), [], set()

    def note(batch, plates):
        folded.extend((batch.first, batch.last))
        touched.update(plates)

    async with rebuilder(shop, folded=note) as it:
        rebuilt = await it.catch_up()
        again = await it.catch_up()
    live = await shop.reads.state()
    assert (rebuilt.checkpoint, rebuilt.events, rebuilt.state_hash) == (
        live.checkpoint,
        live.checkpoint,
        live.state_hash,
    )
    assert again.events == 0
    assert (folded[0], folded[-1]) == (1, live.checkpoint)
    assert touched >= {name.decode() for name in await shop.redis.hkeys(shop.keys.projection(OTHER, "plates"))}
    version = await shop.version(OTHER)
    assert version["hashes"]
    assert version == await shop.version(1)
    assert await untouched(shop) == before
    assert not await shop.redis.exists(shop.keys.log_leases)


async def test_killed_at_any_time_it_is_gone_on_with(shop: Mall, deadline):
    await with_traffic(shop, 7_000)
    chance, before, kills = random.Random(5), await untouched(shop), 0
    end = (await shop.reads.state()).checkpoint
    while (reached := await checkpoint_of(shop)) < end:
        process = rebuilding(shop)
        wanted = min(end, reached + chance.choice([1, 2_000, 4_000])) if kills < 4 else end
        while process.poll() is None and await checkpoint_of(shop) < wanted:
            deadline()
            await asyncio.sleep(0.002)
        kills += process.poll() is None
        process.kill()
        process.wait()
    assert kills >= 2
    assert await shop.version(OTHER) == await shop.version(1)
    assert await untouched(shop) == before


async def test_events_that_keep_coming_are_caught_up_with(shop: Mall):
    await with_traffic(shop, 500)

    async def keep_coming() -> None:
        projector = shop.projector()
        await projector.load()
        for hour in range(8, 0, -1):
            await shop.log.append(day_of_traffic(150, now_us() - hour * HOUR))
            while records := await shop.log.read(projector.checkpoint, 100):
                await projector.step(records)

    coming = asyncio.create_task(keep_coming())
    async with rebuilder(shop) as it:
        while not coming.done():
            rebuilt = await it.catch_up()
            assert rebuilt.checkpoint == it.checkpoint == await checkpoint_of(shop)
        await coming
        rebuilt = await it.catch_up()
    live = await shop.reads.state()
    assert (rebuilt.checkpoint, rebuilt.state_hash) == (live.checkpoint, live.state_hash)
    assert await shop.version(OTHER) == await shop.version(1)


async def test_it_waits_for_what_was_emitted(shop: Mall):
    await with_traffic(shop, 100)
    emitted_through = (await shop.reads.state()).checkpoint
    await shop.log.append(day_of_traffic(50, now_us() - HOUR))
    async with rebuilder(shop) as it:
        assert (await it.catch_up()).checkpoint == emitted_through
        await project(shop.projector())
        assert (await it.catch_up()).checkpoint == (await shop.log.state()).position > emitted_through
    assert await shop.version(OTHER) == await shop.version(1)


async def test_of_two_that_rebuild_one_version_one_fails(shop: Mall):
    await with_traffic(shop, 100)
    async with rebuilder(shop) as first, rebuilder(shop) as second:
        await first.catch_up()
        with pytest.raises(StaleError):
            await second.catch_up()
    assert await shop.version(OTHER) == await shop.version(1)


async def test_a_version_that_was_tampered_with_is_not_gone_on_with(shop: Mall):
    await with_traffic(shop, 100)
    async with rebuilder(shop) as it:
        await it.catch_up()
    plates = shop.keys.projection(OTHER, "plates")
    one, other, *_ = await shop.redis.hkeys(plates)
    await shop.redis.hset(plates, one, await shop.redis.hget(plates, other))
    with pytest.raises(DamagedVersionError, match="version 2"):
        async with rebuilder(shop):
            pass
    await shop.redis.hdel(plates, one)
    with pytest.raises(IncompleteStateError, match="version 2"):
        async with rebuilder(shop):
            pass


async def test_a_log_that_lost_records_is_said_and_what_was_committed_stays(shop: Mall):
    await with_traffic(shop, 3_000)
    await shop.redis.xdel(shop.keys.log, "4500-0")
    async with rebuilder(shop) as it:
        with pytest.raises(ReadingError, match="4500"):
            await it.catch_up()
    assert 0 < await checkpoint_of(shop) < 4_500

"""What Redis holds is compared with the log folded again, while the live version goes on."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from archives import archive_through
from parkstream_eventlog import NoLogError
from parkstream_projection.rebuild import ReadingError, Source, Span, check
from parkstream_projection.rebuild.live import Live
from parkstream_projection.rebuild.worker_process import Worker
from projections import HOUR, Mall, day_of_traffic, now_us, project
from rebuilds import untouched, with_traffic


@pytest.fixture(scope="module")
def long(shared_redis) -> Mall:
    """A mall with 21,800 records, all projected; put back what you change."""

    async def make() -> None:
        shop = await with_traffic(Mall(shared_redis.url, f"long-{os.getpid()}"), 13_200)
        await shop.close()

    asyncio.run(make())
    return Mall(shared_redis.url, f"long-{os.getpid()}")


@pytest.fixture
async def shop(long) -> Any:
    shop = Mall(long.url, long.keys.mall)
    yield shop
    await shop.close()


@pytest.fixture
async def small(redis_url: str, mall: str) -> Any:
    shop = await with_traffic(Mall(redis_url, mall), 300)
    yield shop
    await shop.close()


async def checked(shop: Mall, **more: Any) -> Any:
    return await check(Source(shop.url, shop.keys.mall), shop.redis, shop.keys, **more)


async def test_a_live_version_that_is_right_is_equal_everywhere_and_nothing_is_touched(shop: Mall):
    before, reached = await untouched(shop), []
    result = await checked(shop, on_progress=lambda position, end: reached.append((position, end)))
    live = await shop.reads.state()
    assert result.equal
    assert (result.events, result.hash, result.live_hash) == (live.checkpoint, live.state_hash, live.state_hash)
    assert result.compared == live.checkpoint // 10_000 == 2
    assert result.plates_compared == await shop.redis.hlen(shop.keys.projection(1, "plates"))
    assert reached == sorted(reached)
    assert reached[-1] == (live.checkpoint, live.checkpoint)
    assert await untouched(shop) == before
    assert not await shop.redis.exists(shop.keys.log_leases)


@pytest.mark.parametrize(("changed", "located"), [(10_000, Span(0, 10_000)), (20_000, Span(10_000, 20_000))])
async def test_a_kept_hash_that_was_changed_is_located(shop: Mall, changed: int, located: Span):
    hashes = shop.keys.projection(1, "hashes")
    right = await shop.redis.hget(hashes, changed)
    await shop.redis.hset(hashes, changed, "0" * 32)
    try:
        result = await checked(shop)
    finally:
        await shop.redis.hset(hashes, changed, right)
    assert not result.equal
    assert result.first_difference == located
    assert result.hash == result.live_hash


async def test_up_to_a_position_only_the_hashes_before_it_are_compared(shop: Mall):
    result = await checked(shop, to=12_345)
    assert result.equal
    assert (result.events, result.compared, result.live_hash, result.plates_compared) == (12_345, 1, None, 0)


@pytest.mark.parametrize("harm", ["changed", "removed", "added"])
async def test_a_plate_that_is_not_as_it_was_committed_is_named(small: Mall, harm: str):
    plates = small.keys.projection(1, "plates")
    (name, encoded), *_ = (await small.redis.hgetall(plates)).items()
    match harm:
        case "changed":
            await small.redis.hset(plates, name, encoded[:-1] + bytes([encoded[-1] ^ 1]))
        case "removed":
            await small.redis.hdel(plates, name)
        case _:
            name = b"NOBODY"
            await small.redis.hset(plates, name, encoded)
    result = await checked(small)
    assert not result.equal
    assert result.plates_different == [name.decode()]
    assert result.first_difference is None


async def test_a_live_hash_that_is_wrong_is_a_difference_after_the_last_kept_one(small: Mall):
    await small.redis.hset(small.keys.projection(1, "meta"), "state_hash", "0" * 32)
    result = await checked(small)
    assert not result.equal
    assert result.first_difference == Span(0, result.events)


async def test_the_live_version_may_go_on_meanwhile(small: Mall, monkeypatch: pytest.MonkeyPatch):
    before = (await small.reads.state()).checkpoint
    plates = Live.plates

    async def go_on_and_tell(self: Live) -> Any:
        await small.log.append(day_of_traffic(100, now_us() - HOUR))
        async for plate in plates(self):
            yield plate
        await project(small.projector())

    monkeypatch.setattr(Live, "plates", go_on_and_tell)
    result = await checked(small)
    assert result.equal
    assert result.events > before
    assert result.hash == (await small.reads.state()).state_hash


async def test_an_empty_log_is_equal(redis_url: str, mall: str):
    shop = Mall(redis_url, mall)
    with pytest.raises(NoLogError):
        await checked(shop)
    await shop.log.create()
    result = await checked(shop)
    await shop.close()
    assert result.equal
    assert (result.events, result.live_hash) == (0, None)


async def test_archive_and_stream_are_one_log(small: Mall, tmp_path: Path):
    through = 200
    await archive_through(small, tmp_path, through)
    assert await small.redis.xlen(small.keys.log) == (await small.log.state()).position - through
    source = Source(small.url, small.keys.mall, str(tmp_path))
    result = await check(source, small.redis, small.keys)
    assert result.equal
    assert result.events == (await small.log.state()).position
    with pytest.raises(ReadingError, match="archive"):
        await checked(small)


async def test_a_worker_that_dies_ends_the_check(small: Mall, monkeypatch: pytest.MonkeyPatch):
    enter = Worker.__aenter__

    async def enter_and_kill(self: Worker) -> Worker:
        await enter(self)
        self._process.kill()
        return self

    monkeypatch.setattr(Worker, "__aenter__", enter_and_kill)
    with pytest.raises(ReadingError, match="run it again"):
        await checked(small)


async def test_a_worker_that_dies_after_reading_ends_the_check(small: Mall, monkeypatch: pytest.MonkeyPatch):
    batch = Worker._batch

    async def batch_and_kill(self: Worker) -> Any:
        read = await batch(self)
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._listening
        return read

    monkeypatch.setattr(Worker, "_batch", batch_and_kill)
    with pytest.raises(ReadingError, match="run it again"):
        await checked(small)


def commanded(shop: Mall, *options: str) -> tuple[int, str, str]:
    environ = {**os.environ, "PARKSTREAM_REDIS_URL": shop.url, "PARKSTREAM_MALL": shop.keys.mall}
    command = [sys.executable, "-m", "parkstream_cli", "replay", *options]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


async def test_the_command_says_what_it_found(small: Mall):
    code, out, _ = commanded(small, "--check", "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["hash"] == answer["live_hash"] == (await small.reads.state()).state_hash
    assert answer["hash_equal"] is True
    assert answer["first_difference"] is None
    assert {"events", "seconds", "events_per_second", "compared"} <= answer.keys()
    name = (await small.redis.hkeys(small.keys.projection(1, "plates")))[0].decode()
    await small.redis.hdel(small.keys.projection(1, "plates"), name)
    code, out, _ = commanded(small, "--check")
    assert code == 1
    assert name in out

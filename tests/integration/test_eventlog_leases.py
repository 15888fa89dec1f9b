"""A lease keeps records in the log for as long as its reader lives, and a minute longer."""

import asyncio

import pytest
from eventlog_stores import RedisStore, written
from parkstream_eventlog import leases as module
from parkstream_eventlog.leases import lease, leases
from redis.exceptions import ResponseError


@pytest.fixture
async def store(redis_url: str, mall: str):
    store = RedisStore(redis_url, mall)
    await store.log.create()
    yield store
    await store.close()


async def held(store: RedisStore) -> dict[str, int]:
    return {leased.name: leased.position for leased in await leases(store.redis, store.keys)}


async def until_us(store: RedisStore) -> int:
    (leased,) = await leases(store.redis, store.keys)
    return leased.until_us


async def test_a_lease_lasts_as_long_as_its_block(store, monkeypatch):
    monkeypatch.setattr(module, "MOVE_SECONDS", 0)
    async with lease(store.redis, store.keys, "one", 3) as one, lease(store.redis, store.keys, "two", 5):
        assert await held(store) == {"one": 3, "two": 5}
        seconds, _ = await store.redis.time()
        position, until = (await store.redis.hget(store.keys.log_leases, "one")).split(b":")
        assert position == b"3"
        assert 0 < int(until) / 1_000_000 - seconds <= 61
        await one.move(8)
        assert await held(store) == {"one": 8, "two": 5}
    assert await held(store) == {}
    assert not await store.redis.exists(store.keys.log_leases)


async def test_a_move_is_written_once_a_second(store, monkeypatch):
    monkeypatch.setattr(module, "MOVE_SECONDS", 1_000)  # A second may pass between two lines of this test.
    async with lease(store.redis, store.keys, "one", 3) as one:
        await one.move(4)
        assert await held(store) == {"one": 3}
        one._written_at -= module.MOVE_SECONDS
        await one.move(5)
        assert await held(store) == {"one": 5}


async def test_a_lease_is_renewed_where_its_reader_stands(store, monkeypatch):
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.01)
    async with lease(store.redis, store.keys, "one", 3) as one:
        before = await until_us(store)
        one.position = 7
        async with asyncio.timeout(120):
            while await until_us(store) == before or await held(store) != {"one": 7}:
                await asyncio.sleep(0.01)  # A renewal may have been on its way, with where it stood then.


async def test_a_lease_survives_a_restart_of_redis(redis_server, mall, monkeypatch):
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)
    store = RedisStore(redis_server.url, mall)
    await store.log.create()
    async with lease(store.redis, store.keys, "one", 3) as one:
        before = await until_us(store)
        redis_server.kill()
        await asyncio.sleep(0.1)
        redis_server.start()
        await store.redis.connection_pool.disconnect()
        one.position = 9
        async with asyncio.timeout(120):
            while await until_us(store) == before or await held(store) != {"one": 9}:
                await asyncio.sleep(0.01)
    assert await held(store) == {}
    await store.close()


async def test_who_leaves_while_redis_is_away_leaves_all_the_same(redis_server, mall):
    store = RedisStore(redis_server.url, mall)
    await store.log.create()
    async with lease(store.redis, store.keys, "one", 3):
        redis_server.kill()
    redis_server.start()
    await store.redis.connection_pool.disconnect()
    assert await held(store) == {"one": 3}
    await store.close()


async def test_a_lease_that_could_not_be_renewed_is_said(store, monkeypatch):
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.0)
    with pytest.raises(ResponseError, match="the position is negative"):
        await read_under_a_lease_that_is_refused(store)


async def read_under_a_lease_that_is_refused(store):
    async with lease(store.redis, store.keys, "one", 3) as one, asyncio.timeout(120):
        one.position = -1
        while any(task.get_name() == "lease one" for task in asyncio.all_tasks()):
            await asyncio.sleep(0.01)


async def test_a_lease_that_ran_out_is_none(store):
    await store.redis.hset(store.keys.log_leases, "old", "3:1000")
    assert await held(store) == {}


@pytest.mark.parametrize("arguments", [["", 1, 1], ["a", "x", 1], ["a", 1, "x"], ["a", 1], ["a", -1, 1]])
async def test_a_wrong_lease_is_refused(store, arguments):
    async with lease(store.redis, store.keys, "one", 3):
        with pytest.raises(ResponseError, match="parkstream_eventlog"):
            await written(store, "lease", (store.keys.log_leases,), arguments)
        assert await held(store) == {"one": 3}

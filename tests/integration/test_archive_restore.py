"""Archived records come back into a log that is written and read all the while."""

import asyncio
from contextlib import aclosing
from itertools import count

import pytest
from archives import archive_through, make_steps_small, restore_from
from eventlog_stores import RedisStore, entered, written
from msgspec.structs import replace
from parkstream_eventlog import Appended
from parkstream_eventlog.archive import (
    Archive,
    ArchiveBehindError,
    NoRoomError,
    NotArchivedError,
    OvertakenError,
    Restorer,
    SpanningLog,
    restorer,
)
from redis.exceptions import ResponseError


@pytest.fixture
async def store(redis_url: str, mall: str, monkeypatch: pytest.MonkeyPatch):
    make_steps_small(monkeypatch.setattr)
    store = RedisStore(redis_url, mall)
    await store.log.append(
        [entered(str(n), published_at_us=n or None, traceparent="00-x" if n % 2 else None) for n in range(10)]
    )
    yield store
    await store.close()


@pytest.fixture
async def appended(store: RedisStore):
    """The records of the log as they were before anything was archived."""
    return await store.log.read(0, 10_000)


async def check(store: RedisStore, archived_through: int) -> None:
    state = await store.log.state()
    assert (state.archived_through, state.length) == (archived_through, state.position - archived_through)
    assert not await store.redis.exists(store.keys.log_restoring)


@pytest.mark.parametrize("archived", [3, 9, 10])
@pytest.mark.parametrize("first", [None, 1, 2, 3])
async def test_what_was_archived_is_in_the_log_again(store, appended, tmp_path, archived, first):
    await archive_through(store, tmp_path, archived)
    await restore_from(store, tmp_path, first)
    after = (first or 1) - 1
    await check(store, after)
    assert await store.log.read(after, 100) == appended[after:]
    (news,) = await store.log.append([entered("new")])
    assert isinstance(news, Appended)
    assert news.position == 11
    archive = await archive_through(store, tmp_path, 10)
    assert archive.read(0, 100) == appended
    await check(store, 10)


async def test_nothing_is_to_be_restored_that_is_in_the_log(store, appended, tmp_path):
    await archive_through(store, tmp_path, 5)
    await restore_from(store, tmp_path, 6)
    await check(store, 5)
    assert await store.log.read(5, 100) == appended[5:]


async def test_an_archive_that_does_not_reach_the_log_is_refused(store, appended, tmp_path):
    await archive_through(store, tmp_path / "one", 5)
    with pytest.raises(ArchiveBehindError):
        await restore_from(store, tmp_path / "two")
    restorer = Restorer(store.redis, store.keys, Archive(tmp_path / "one"))
    whole = restorer._archive.manifest
    restorer._archive.manifest = replace(whole, segments=whole.segments[1:])
    with pytest.raises(NotArchivedError):
        await restorer.plan(1)


class Others:
    """Somebody who writes, somebody who follows, and somebody who waits for each position from 11 on."""

    def __init__(self, store: RedisStore, folder) -> None:
        self.seen: list[int] = []
        self.stopped = asyncio.Event()
        self._log = SpanningLog(store.another(), Archive(folder, store.keys.mall))
        self._writer, self._waiter = store.another(), store.another()
        self._writing = asyncio.ensure_future(self._write())
        self._readers = {asyncio.ensure_future(self._follow()), asyncio.ensure_future(self._wait())}

    async def _write(self) -> int:
        for n in count(11):
            (outcome,) = await self._writer.append([entered(f"n-{n}")])
            assert isinstance(outcome, Appended)
            assert outcome.position == n
            if self.stopped.is_set():
                break
        return n

    async def _follow(self) -> None:
        async with aclosing(self._log.follow(8, 3)) as following:
            async for records in following:
                self.seen.extend(record.position for record in records)

    async def _wait(self) -> None:
        for n in count(11):
            await self._waiter.wait_for(n)

    async def end(self) -> int:
        """Stop writing, let the follower see everything, and return the last position."""
        self.stopped.set()
        last = await self._writing
        await asyncio.wait_for(until(lambda: len(self.seen) == last - 8), 120)
        assert not any(task.done() for task in self._readers)
        working = self._readers
        while working:  # Before Python 3.12 redis-py may lose a cancellation.
            for task in working:
                task.cancel()
            _, working = await asyncio.wait(working, timeout=0.5)
        return last


async def test_everybody_goes_on_writing_and_reading(store, appended, tmp_path, monkeypatch):
    monkeypatch.setattr(restorer, "AT_ONCE", 50)
    await archive_through(store, tmp_path, 8)
    others = Others(store, tmp_path)
    for _ in range(5):
        await restore_from(store, tmp_path)
        await archive_through(store, tmp_path, 8)
    await restore_from(store, tmp_path)
    last = await others.end()
    assert others.seen == list(range(9, last + 1))
    await check(store, 0)
    assert (await store.log.read(0, 100_000))[:10] == appended


async def until(condition) -> None:
    while not condition():
        await asyncio.sleep(0.01)


async def test_who_waits_for_news_hears_them_through_the_exchange(store, appended, tmp_path):
    await archive_through(store, tmp_path, 10)
    following = store.another().follow(10, 10)
    news = asyncio.ensure_future(anext(following))
    clients = store.redis.client_list
    await asyncio.wait_for(until_async(lambda: blocked(clients)), 120)
    await restore_from(store, tmp_path)
    assert not news.done()
    await store.log.append([entered("news")])
    assert [record.id for record in await asyncio.wait_for(news, 120)] == ["news"]


async def blocked(clients) -> bool:
    return any(client["cmd"] == "xread" and "b" in client["flags"] for client in await clients())


async def until_async(condition) -> None:
    while not await condition():
        await asyncio.sleep(0.01)


async def test_a_log_archived_meanwhile_is_not_replaced(store, appended, tmp_path):
    archive = await archive_through(store, tmp_path, 4)
    restorer = Restorer(store.redis, store.keys, archive)
    plan = await restorer.plan(1)
    await archive_through(store, tmp_path, 7)
    with pytest.raises(ResponseError, match="the log was archived meanwhile"):
        await restorer.run(plan)
    await check(store, 7)
    plan = plan._replace(archived_through=7)
    await restore_from(store, tmp_path, 5)
    with pytest.raises(OvertakenError, match="archived through 4 now"):
        await restorer.run(plan)
    await check(store, 4)
    assert await store.log.read(4, 100) == appended[4:]


async def test_without_room_nothing_is_restored(redis_server, mall, tmp_path):
    store = RedisStore(redis_server.url, mall)
    await store.log.append([entered(str(n), body=b"x" * 5_000) for n in range(500)])
    archive = await archive_through(store, tmp_path, 450)
    used = (await store.redis.info("memory"))["used_memory"]
    await store.redis.config_set("maxmemory", int(used / 0.75))
    with pytest.raises(
        NoRoomError, match=r"500 records would fill .* of maxmemory; nothing was restored: raise maxmemory"
    ):
        await restore_from(store, tmp_path)
    restorer = Restorer(store.redis, store.keys, archive)
    restorer._bytes_each = lambda plan: 0  # As if records were smaller than they are.
    with pytest.raises(NoRoomError, match=r"Redis is (nearly )?full"):
        await restorer.run(await restorer.plan(1))
    await check(store, 450)
    assert isinstance((await store.log.append([entered("new")]))[0], Appended)
    await store.redis.config_set("maxmemory", used * 10)
    await restore_from(store, tmp_path)
    await check(store, 0)
    await store.close()


@pytest.mark.parametrize(
    ("function", "arguments", "problem"),
    [
        ("restore", [1], "no whole records"),
        ("restore", [1, "t", "i", "b", "1", ""], "no whole records"),
        ("restore", [1, "t", "i", "b", "soon", "", ""], "a time is no integer"),
        ("restore", ["x", "t", "i", "b", "1", "", ""], "the position is no integer"),
        ("copy", [0], "copy takes three keys and a count"),
        ("copy", [5], "nothing is restored"),
        ("swap", [0], "swap takes three keys and two positions"),
    ],
)
async def test_wrong_arguments_change_nothing(store, appended, function, arguments, problem):
    keys = [store.keys.log, store.keys.log_meta, store.keys.log_restoring]
    keys = keys[2:] if function == "restore" else keys
    with pytest.raises(ResponseError, match=problem):
        await written(store, function, keys, arguments)
    await check(store, 0)


async def test_restored_records_come_in_order_or_not_at_all(store, appended):
    record = ["t", "i", "b", "1", "", ""]
    await written(store, "restore", [store.keys.log_restoring], [5, *record, *record])
    for first in (5, 6, 8):
        with pytest.raises(ResponseError, match="do not come next"):
            await written(store, "restore", [store.keys.log_restoring], [first, *record])
    keys = [store.keys.log, store.keys.log_meta, store.keys.log_restoring]
    with pytest.raises(ResponseError, match="records are missing"):
        await written(store, "swap", keys, [0, 3])
    await store.redis.delete(store.keys.log_restoring)
    assert await store.log.read(0, 100) == appended

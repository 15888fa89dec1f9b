"""What only a real Redis can show: what is written where, what is refused, what survives."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from eventlog_stores import NewLog, RedisStore, entered, exited
from parkstream_devtools.redis_functions import load_functions
from parkstream_eventlog import (
    Appended,
    Duplicate,
    LogShorterError,
    NoLogError,
    OtherLogError,
    WeakDurabilityError,
    check_durability,
    memory_share,
    writer,
)
from parkstream_eventlog import redis_reader as eventlog_redis
from parkstream_eventlog.functions import LOG
from parkstream_eventlog.id_index import decision_field, event_field
from parkstream_eventlog.log import digest_of
from parkstream_eventlog.positions import positions_of
from parkstream_events import wire
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.units import DAY_US
from parkstream_service.redis import LibraryMissingError, connect, is_transient
from parkstream_service.retry import retried
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

NOTE = (wire.RULES_CHANGED, "rules:0", b"{}")
OFTEN = (wire.WATERMARK_ADVANCED, "watermark:1", b"{}")
DAY = time.time_ns() // 1_000 // DAY_US
FINE = [event_field("E", 5, "id"), wire.ENTERED, "body", "8 bytes.", "17", "00-trace"]


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run goes on after midnight: each test has the day that Redis has by then."""
    now_us = time.time_ns() // 1_000
    monkeypatch.setitem(globals(), "DAY", now_us // DAY_US)
    for saw in (entered, exited):
        monkeypatch.setitem(saw.__kwdefaults__, "at_us", now_us)


def now() -> list[object]:
    """Return what the clocks of a caller show, since which boot, and that it takes no step."""
    return [*writer.Writer("").caller()[2:]]


NOW = [17, 18, "boot", ""]
"""Clocks of a caller that are not looked at."""


@pytest.fixture
async def store(redis_url: str, mall: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_url, mall)
    await store.log.append([entered("first")])
    yield store
    await store.close()


async def everything(store: RedisStore) -> dict[bytes, object]:
    """Return all that Redis holds for this mall, with its time to live."""
    keys = sorted([key async for key in store.redis.scan_iter(match=f"*{{{store.keys.prefix.split('{')[1][:-2]}}}*")])
    return {key: (await store.redis.dump(key), await store.redis.expiretime(key)) for key in keys}


def append_with(log_id: str, **changed: object) -> list[object]:
    """Return the arguments of an append of a good event and of one that has *changed*."""
    names = ["field", "type", "body", "digest", "published", "traceparent"]
    event = [changed.get(name, value) for name, value in zip(names, FINE, strict=True)]
    day = changed.get("day", DAY)
    return [
        *changed.get("caller", [log_id, 1, *now()]),
        changed.get("dedupe_days", 35),
        changed.get("ahead", 300_000_000),
        day() if callable(day) else day,
        *[changed.get("groups", "1"), changed.get("bucket", "1"), "entry"],
        *["1", event_field("E", 5, "good"), *FINE[1:]],
        *[changed.get("group", "1"), *event],
        *changed.get("rest", []),
    ]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"dedupe_days": "many"}, "dedupe_days is no integer"),
        ({"dedupe_days": "1e3"}, "dedupe_days is no integer"),
        ({"ahead": "far"}, "how far ahead is no number"),
        ({"day": "today"}, "a day is no integer"),
        ({"day": lambda: DAY + 1}, "a key is not that of its day"),
        ({"bucket": "2"}, "a bucket is not among the keys"),
        ({"bucket": "0"}, "a bucket is not among the keys"),
        ({"bucket": ""}, "a bucket is no number"),
        ({"groups": "many"}, "the number of groups is none"),
        ({"groups": "1000"}, "a group is missing"),
        ({"group": "2"}, "there is no such group"),
        ({"group": ""}, "a group is no number"),
        ({"field": "12345id"}, "an id has no letter or time"),
        ({"field": "D12345id"}, "an id has no letter or time"),
        ({"field": "E12345"}, "an id has no letter or time"),
        ({"field": ""}, "an id has no letter or time"),
        ({"caller": ["", 1, *NOW]}, "the caller names no log"),
        ({"caller": ["another", 1, *NOW]}, "OTHERLOG"),
        ({"caller": ["another", "some", *NOW]}, "the durable position is no number"),
        ({"caller": ["another", 1, "now", *NOW[1:]]}, "the clock of the caller is no integer"),
        ({"caller": ["another", 1, 17, "", *NOW[2:]]}, "the clock of the caller is no integer"),
        ({"caller": ["another", 1, 17, 18, "", ""]}, "the caller names no boot"),
        ({"caller": ["another", 1, 17, 18, "boot", "some"]}, "an offset is no integer"),
        ({"type": ""}, "a type is empty"),
        ({"digest": "short"}, "a digest has the wrong length"),
        ({"published": "soon"}, "a published time is no integer"),
        ({"published": "9" * 20}, "a published time is no integer"),
        ({"rest": ["1"]}, "no whole events"),
        ({"rest": ["1", *FINE] * 1000}, "no whole events"),
    ],
)
async def test_a_wrong_argument_of_append_writes_nothing(store: RedisStore, wrong: dict[str, object], problem: str):
    before = await everything(store)
    keys = [store.keys.log, store.keys.log_meta, store.keys.log_ids(DAY)]
    with pytest.raises(ResponseError, match=problem):
        await store.redis.fcall(
            LOG.function("append"), len(keys), *keys, *append_with(await store.log.create(), **wrong)
        )
    assert await everything(store) == before
    await store.redis.fcall(LOG.function("append"), len(keys), *keys, *append_with(await store.log.create()))
    assert (await store.log.state()).length == 3


@pytest.mark.parametrize(
    ("position", "wrong", "problem"),
    [
        (0, "many", "dedupe_days is no integer"),
        (1, "today", "the newest day is no integer"),
        (1, lambda: DAY - 1, "more than a day apart"),
        (1, lambda: DAY + 2, "more than a day apart"),
        (2, "", "a decision has a type and an id"),
        (3, "", "a decision has a type and an id"),
        (5, "short", "a digest has the wrong length"),
        (6, "end", "the position is no integer"),
    ],
)
async def test_a_wrong_argument_of_decide_writes_nothing(store: RedisStore, position: int, wrong: object, problem: str):
    before = await everything(store)
    keys = [store.keys.log, store.keys.log_meta, store.keys.log_ids(DAY + 1), store.keys.log_ids(DAY)]
    arguments: list[object] = [35, DAY + 1, *NOTE, digest_of(NOTE[2]), 1, "entry"]
    arguments[position] = wrong() if callable(wrong) else wrong
    arguments = [await store.log.create(), 1, *now(), *arguments]
    with pytest.raises(ResponseError, match=problem):
        await store.redis.fcall(LOG.function("decide"), len(keys), *keys, *arguments)
    assert await everything(store) == before


@pytest.mark.parametrize("key", ["log", "log_meta", "ids"])
async def test_a_key_of_another_kind_writes_nothing(redis_url: str, mall: str, key: str):
    store = RedisStore(redis_url, mall)
    await store.log.create()
    if key == "log_meta":
        await store.redis.delete(store.keys.log_meta)
    await store.redis.set(store.keys.log_ids(DAY) if key == "ids" else getattr(store.keys, key), "mine")
    before = await everything(store)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await store.log.append([entered("a"), exited("b")])
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await store.log.decide(*NOTE, unless_after=None)
    assert await everything(store) == before
    await store.close()


async def test_a_log_that_lost_its_meta_refuses_to_count_anew(store: RedisStore):
    await store.redis.delete(store.keys.log_meta)
    before = await everything(store)
    with pytest.raises(OtherLogError, match="holds no log"):
        await store.log.append([entered("second")])
    with pytest.raises(NoLogError):
        await store.written_by(None).append([entered("second")])
    with pytest.raises(ResponseError, match="the log has lost its id"):
        await store.log.create()
    assert await everything(store) == before


async def test_ids_are_forgotten_two_days_after_they_are_too_old_and_expire_by_no_clock(store: RedisStore):
    await store.log.append([entered("old", day=DAY - 10)])
    value = await store.redis.hget(store.keys.log_ids(DAY - 10), event_field("E", 0, "old"))
    assert value == digest_of(b"body of old") + b"2"
    assert await store.redis.expiretime(store.keys.log_ids(DAY - 10)) == -1
    older = [store.keys.log_ids(DAY - ago) for ago in (36, 37, 38, 300)]
    for key in older:
        await store.redis.hset(key, "field", "value")
    for _ in range(2):
        await store.log.examine()
        assert await store.redis.exists(store.keys.log_ids(DAY), store.keys.log_ids(DAY - 10), older[0]) == 3
        assert await store.redis.exists(*older[1:]) == 0
        assert (await store.log.state()).ids_from_day == DAY - 35


async def test_ids_of_decisions_that_come_often_are_remembered_for_a_day(store: RedisStore):
    today, yesterday, older = (store.keys.log_ids_brief(DAY - ago) for ago in range(3))
    assert isinstance(await store.log.decide(*OFTEN, unless_after=None), Appended)
    assert await store.redis.hkeys(today) == [decision_field(OFTEN[1])]
    assert await store.redis.hlen(store.keys.log_ids(DAY)) == 1
    await store.redis.rename(today, yesterday)
    assert await store.log.decide(*OFTEN, unless_after=None) == Duplicate(2)
    await store.redis.rename(yesterday, older)
    assert isinstance(await store.log.decide(*OFTEN, unless_after=None), Appended)
    await store.redis.hset(store.keys.log_ids_brief(DAY - 3), "field", "value")
    await store.log.examine()
    assert await store.redis.exists(today, older) == 2
    assert await store.redis.exists(store.keys.log_ids_brief(DAY - 3)) == 0


@pytest.mark.parametrize("id_", ["0190a6e2-7c1b-7def-8123-456789abcdef", "00000000-0000-0000-0000-00002a3f5b5d"])
async def test_a_uuid_takes_sixteen_bytes_of_the_index_and_is_recorded_as_it_came(store: RedisStore, id_: str):
    assert isinstance((await store.log.append([entered(id_)]))[0], Appended)
    assert (await store.log.read(1, 1))[0].id == id_
    assert {len(field) for field in await store.redis.hkeys(store.keys.log_ids(DAY))} == {len("E12345first"), 22}
    assert await store.log.append([entered(id_)]) == [Duplicate(2)]
    assert isinstance((await store.log.append([entered(id_.replace("d", "D"))]))[0], Appended)
    assert await positions_of(store.redis, store.keys, id_) == [2]


async def test_a_decision_is_heard_once_around_midnight(store: RedisStore):
    field, value = decision_field(NOTE[1]), digest_of(NOTE[2]) + b"1"
    for ago in (1, 20, 35):
        await store.redis.hset(store.keys.log_ids(DAY - ago), field, value)
        assert await store.log.decide(*NOTE, unless_after=None) == Duplicate(1)
        await store.redis.delete(store.keys.log_ids(DAY - ago))
    assert isinstance(await store.log.decide(*NOTE, unless_after=None), Appended)


async def test_a_new_process_loads_nothing_when_the_library_is_there(store: RedisStore):
    loads = (await store.redis.info("commandstats")).get("cmdstat_function|load", {"calls": 0})["calls"]
    await store.another().append([entered("second")])
    assert (await store.redis.info("commandstats")).get("cmdstat_function|load", {"calls": 0})["calls"] == loads


async def test_an_older_process_does_not_replace_a_newer_ones_library(redis_server, mall: str):
    store = RedisStore(redis_server.url, mall)
    await store.redis.function_load(LOG._replace(version=LOG.version + 1).source)
    await store.log.append([entered("a")])
    libraries = {library[1].decode() for library in await store.redis.function_list("parkstream_eventlog_*")}
    assert libraries == {LOG.versioned_name, LOG._replace(version=LOG.version + 1).versioned_name}
    await store.close()


async def test_a_library_that_was_flushed_is_missed_until_it_is_loaded_and_stays_after_a_kill(redis_server, mall: str):
    store = RedisStore(redis_server.url, mall)
    await store.log.append([entered("a")])
    await store.redis.function_flush()
    with pytest.raises(LibraryMissingError, match="parkstream functions load"):
        await store.log.append([entered("a")])
    load_functions(redis_server.url)
    assert isinstance(await store.log.decide(*NOTE, unless_after=None), Appended)
    redis_server.kill()
    redis_server.start()
    await store.redis.connection_pool.disconnect()
    assert len(await store.redis.function_list(LOG.versioned_name)) == 1
    assert await store.log.append([entered("a")]) == [Duplicate(1)]
    assert [record.position for record in await store.log.read(0, 10)] == [1, 2]
    await store.close()


async def test_a_follower_of_a_flushed_log_fails(redis_server, mall: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(eventlog_redis, "BLOCK_MS", 50)
    store = RedisStore(redis_server.url, mall)
    await store.log.append([entered("a"), entered("b")])
    following = store.log.follow(0, 10)
    await anext(following)
    waiting = asyncio.ensure_future(anext(following))
    await asyncio.wait([waiting], timeout=0.2)
    await store.redis.flushall()
    with pytest.raises(LogShorterError):
        await waiting
    await store.close()


async def test_a_full_redis_refuses_a_batch_as_a_whole(redis_server, mall: str):
    store = RedisStore(redis_server.url, mall)
    await store.log.append([entered("a")])
    used = (await store.redis.info("memory"))["used_memory"]
    await store.redis.config_set("maxmemory", used - 100_000)
    before = await everything(store)
    with pytest.raises(OutOfMemoryError) as error:
        await store.log.append([entered(str(n), body=b"x" * 10_000) for n in range(100)])
    assert is_transient(error.value)
    assert await everything(store) == before
    assert await memory_share(store.redis) > 1
    await store.redis.config_set("maxmemory", used * 10)
    assert isinstance((await store.log.append([entered("b")]))[0], Appended)
    assert 0 < await memory_share(store.redis) < 1
    await store.close()


async def test_a_redis_that_may_forget_is_refused(redis_server):
    redis = connect(redis_server.url)
    await check_durability(redis)
    for name, weak, strong in [
        ("appendfsync", "everysec", "always"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
        ("aof-load-truncated", "yes", "no"),
        ("appendonly", "no", "yes"),
    ]:
        await redis.config_set(name, weak)
        with pytest.raises(WeakDurabilityError, match=f"{name} is {weak}: CONFIG SET {name} {strong}"):
            await check_durability(redis)
        await redis.config_set(name, strong)
    await redis.execute_command("ACL", "SETUSER", "default", "-config|get")
    with pytest.raises(WeakDurabilityError, match=r"allow \+config\|get"):
        await check_durability(redis)
    await redis.aclose()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_what_a_redis_may_forget_counts_as_not_written(redis_server, mall: str, protocol: int):
    redis = Redis.from_url(redis_server.url, protocol=protocol)
    log = NewLog(redis, BackendKeys(mall), LOG_SCHEMA)
    await log.append([entered("a")])
    await redis.config_set("appendfsync", "everysec")
    with pytest.raises(WeakDurabilityError, match="appendfsync is everysec") as error:
        await log.append([entered("b")])
    assert is_transient(error.value)
    with pytest.raises(WeakDurabilityError):
        await log.decide("watermark.advanced.v1", "d", b"{}", unless_after=None)
    await redis.config_set("appendfsync", "always")
    assert isinstance((await log.append([entered("b")]))[0], Duplicate)
    await redis.aclose()


async def test_a_file_that_was_switched_on_again_counts_when_it_is_written(redis_server, mall: str):
    redis = connect(redis_server.url)
    log = NewLog(redis, BackendKeys(mall), LOG_SCHEMA)
    await log.append([entered("a")])
    await redis.mset({f"key-{number}": "x" for number in range(10)})
    await redis.config_set("appendonly", "no")
    with pytest.raises(WeakDurabilityError, match="appendonly is no"):
        await log.append([entered("b")])
    await redis.config_set("rdb-key-save-delay", 100_000)
    await redis.config_set("appendonly", "yes")
    with pytest.raises(WeakDurabilityError, match="written anew"):
        await log.append([entered("b")])
    assert await retried(lambda: log.append([entered("b")])) == [Duplicate(2)]
    redis_server.kill()
    redis_server.start()
    assert [record.id for record in await retried(lambda: log.read(0, 10))] == ["a", "b"]
    await redis.aclose()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_any_client_will_do(redis_url: str, mall: str, protocol: int):
    redis = Redis.from_url(redis_url, protocol=protocol)
    log = NewLog(redis, BackendKeys(mall), LOG_SCHEMA)
    following = log.follow(0, 10)
    waiting = asyncio.ensure_future(anext(following))
    await asyncio.wait([waiting], timeout=0.05)
    await log.append([entered("a"), exited("b")])
    assert (await waiting)[0].id == "a"
    assert [record.id for record in await log.read(0, 10)] == ["a", "b"]
    await log.wait_for(2)
    assert (await log.state()).position == 2
    await redis.aclose()

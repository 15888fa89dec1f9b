"""Every function that writes refuses another log than its caller means, and a shorter one, before it writes."""

import re
import time

import pytest
from eventlog_stores import RedisStore, entered
from parkstream_eventlog import LogShorterError, OtherLogError, RedisLog, Writer
from parkstream_eventlog.functions import IMPORT, LOG, MOVE
from parkstream_eventlog.guarded_functions import GuardedFunctions
from parkstream_events import wire
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.units import DAY_US
from parkstream_projection import Versions
from parkstream_projection.functions import PROJECTING, SWITCHING
from parkstream_service.redis import Functions, Library
from redis.exceptions import ResponseError

LIBRARIES = (LOG, IMPORT, MOVE, PROJECTING, SWITCHING)
REGISTERED = re.compile(r"'parkstream_(\w+)_'(?: \.\. VERSION)?, (?:callback = )?(guarded\()?")
TAKE_THE_CALLER_FIRST = {"append", "decide", "examine", "forget", "switch", "take_clock"}
WRITE_NOTHING_OF_A_LOG = {"adopt", "create", "import", "import_finish", "load", "take_in"}
"""They create or rename, fill an empty log, or only read."""


def registered(library: Library) -> dict[str, bool]:
    """Return the functions of *library*, and whether each is guarded."""
    return {name: bool(guarded) for source in library.sources for name, guarded in REGISTERED.findall(source)}


GUARDED = [(library, name) for library in LIBRARIES for name, guarded in registered(library).items() if guarded]


def test_every_function_that_writes_is_guarded():
    names = {name for library in LIBRARIES for name, guarded in registered(library).items() if not guarded}
    assert names == TAKE_THE_CALLER_FIRST | WRITE_NOTHING_OF_A_LOG
    assert {name for _, name in GUARDED} >= {
        "commit",
        "group",
        "settle",
        "park",
        "redrive",
        "emit_again",
        "trim",
        "swap",
    }


@pytest.fixture
async def store(redis_url: str, mall: str):
    store = RedisStore(redis_url, mall)
    await store.log.append([entered("a"), entered("b")])
    yield store
    await store.close()


async def everything(store: RedisStore) -> dict[bytes, bytes]:
    keys = [key async for key in store.redis.scan_iter(match=store.keys.prefix + "*")]
    return {key: await store.redis.dump(key) for key in sorted(keys)}


@pytest.mark.parametrize(("library", "name"), GUARDED, ids=[name for _, name in GUARDED])
async def test_another_log_and_a_shorter_one_are_refused(store: RedisStore, library: Library, name: str):
    log_id, before = await store.log.create(), await everything(store)
    with pytest.raises(OtherLogError, match=f"holds the log {log_id}, not another"):
        await GuardedFunctions(store.redis, library, store.keys, Writer("another", 1)).write(name, (), ())
    with pytest.raises(LogShorterError) as error:
        await GuardedFunctions(store.redis, library, store.keys, Writer(log_id, 3)).write(name, (), ())
    assert (error.value.after, error.value.position) == (3, 2)
    assert await everything(store) == before


@pytest.mark.parametrize("name", sorted(TAKE_THE_CALLER_FIRST))
async def test_so_does_what_takes_the_caller_first(store: RedisStore, name: str):
    log_id, before = await store.log.create(), await everything(store)
    with pytest.raises(OtherLogError, match=f"holds the log {log_id}, not another"):
        await written_by(store, Writer("another", 1), name)
    with pytest.raises(LogShorterError):
        await written_by(store, Writer(log_id, 3), name)
    assert await everything(store) == before


async def written_by(store: RedisStore, writer: Writer, name: str) -> None:
    log = RedisLog(store.redis, store.keys, LOG_SCHEMA, writer=writer)
    today = time.time_ns() // 1_000 // DAY_US
    match name:
        case "append":
            await log.append([entered("c")])
        case "decide":
            await log.decide(wire.RULES_CHANGED, "d", b"{}", unless_after=None)
        case "examine":
            await log._call("examine", (), ())
        case "forget":
            await log._call("forget", [store.keys.log_ids(today - 40)], (35, 0, today - 40))
        case "switch":
            await Versions(store.redis, store.keys, writer=writer).switch(1, 2, 0)
        case "take_clock":
            await log.take_clock()


async def test_what_was_not_looked_at_is_not_adopted(store: RedisStore):
    before = await everything(store)
    with pytest.raises(ResponseError, match="OTHERLOG"):
        await Functions(store.redis, LOG).call("adopt", (store.keys.log, store.keys.log_meta), ("another", "new"))
    assert await everything(store) == before


async def test_a_flushed_redis_is_refused(store: RedisStore):
    functions = GuardedFunctions(store.redis, PROJECTING, store.keys, Writer(await store.log.create(), 2))
    await store.redis.delete(*[key async for key in store.redis.scan_iter(match=store.keys.prefix + "*")])
    with pytest.raises(OtherLogError, match="holds no log"):
        await functions.write("settle", (store.keys.outbox, store.keys.outbox_meta), ("deliver", "1-0"))
    assert await everything(store) == {}

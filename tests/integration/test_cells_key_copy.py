"""A move that is interrupted anywhere goes on, and ends with one place open and all keys there; it can go back, too."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from eventlog_stores import NewLog
from parkstream_devtools import RedisServer, Sandbox
from parkstream_eventlog import OtherLogError, Writer
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.marks import Mark
from parkstream_operations.cells.key_copy import NotEqualError, Side, copy_key
from parkstream_operations.cells.move import MoveError, Places, go_back, prepare, switch
from parkstream_service.redis import connect
from parkstream_service.redis.client import Client, PlainPipeline
from projections import HOUR, Mall, day_of_traffic, now_us, project, sighting
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis_contents import data_of

CARS = 60
LOST = RedisConnectionError("lost on the way")


@pytest.fixture
def other_redis(sandbox: Sandbox) -> Iterator[RedisServer]:
    server = sandbox.redis()
    yield server
    server.kill()


@pytest.fixture
async def places(redis_server: RedisServer, other_redis: RedisServer, mall: str) -> AsyncIterator[Places]:
    """A mall with a log, a projection and summaries that somebody has taken and not delivered; and another Redis."""
    shop = Mall(redis_server.url, mall)
    await shop.log.append(day_of_traffic(CARS, now_us() - HOUR))
    await project(shop.projector(), 50)
    assert await shop.outbox.take("gone", 3, 1)
    log_id = await shop.redis.hget(shop.keys.log_meta, "log_id")
    assert isinstance(log_id, bytes)
    await shop.close()
    source, target = connect(redis_server.url), connect(other_redis.url)
    yield Places(mall, source, target, Mark(mall=mall, log_id=log_id.decode(), position=1, since_us=1))
    await source.aclose()
    await target.aclose()


class Interrupted:
    """Lets the calls to Redis end after *allowed* of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        for owner, name in ((Client, "execute_command"), (PlainPipeline, "execute")):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, call: Any) -> Any:
        async def counted(*args: Any, **options: Any) -> Any:
            if self.left == 0:
                raise LOST
            self.left -= 1
            return await call(*args, **options)

        return counted


def nothing(_: int, __: int) -> None:
    """Watch nothing."""


async def move(places: Places) -> None:
    await prepare(places, nothing)
    await switch(places, nothing)


def contents(server: RedisServer, keys: BackendKeys) -> dict[bytes, Any]:
    """Return all that is there, without what says which place is open."""
    found = data_of(server)
    meta = found.pop(keys.log_meta.encode())
    names = {name: value for name, value in meta.items() if name != b"log_id" and not name.startswith(b"earlier:")}
    return {**found, b"meta": names}


async def test_a_move_may_be_interrupted_after_every_call_and_goes_on(
    places: Places, redis_server: RedisServer, other_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    calls, keys, log_id = Interrupted(monkeypatch), places.keys, places.mark.log_id
    before = contents(redis_server, keys)
    assert len(before) > 8
    allowed = 0
    while True:
        calls.left = allowed
        try:
            await move(places)
            break
        except RedisConnectionError:
            calls.left = -1
        await move(places)
        assert [one.log_id for one in await places.extents()] == [places.closed_id, log_id]
        assert contents(other_redis, keys) == contents(redis_server, keys) == before
        await go_back(places)
        assert [one.log_id for one in await places.extents()] == [log_id, places.closed_id]
        allowed += 1
    assert allowed > 40


async def test_the_new_place_delivers_all_that_waits_and_takes_the_next_ids(
    places: Places, other_redis: RedisServer, mall: str
):
    await move(places)
    shop = Mall(other_redis.url, mall)
    waiting = await shop.outbox.depth()
    assert len(await shop.outbox.take("new", waiting + 1, 1)) == waiting > 0
    end = (await shop.log.state()).position
    (outcome,) = await shop.log.append([sighting(0, "after", "AFTER1", now_us())])
    assert outcome.position == end + 1
    with pytest.raises(MoveError, match="1 records were made at the new place"):
        await go_back(places)
    assert [one.log_id for one in await places.extents()] == [places.closed_id, places.mark.log_id]
    await shop.close()


async def test_what_the_old_place_is_given_after_it_was_closed_is_refused(places: Places, redis_server: RedisServer):
    await move(places)
    log = NewLog(places.source, places.keys, LOG_SCHEMA, writer=Writer(places.mark.log_id, 1))
    before = data_of(redis_server)
    with pytest.raises(OtherLogError, match="it was moved to another Redis"):
        await log.append([sighting(0, "late", "LATE1", now_us())])
    assert data_of(redis_server) == before


async def test_a_new_place_that_has_another_log_of_the_mall_is_refused_and_left_alone(
    places: Places, other_redis: RedisServer
):
    log = NewLog(places.target, places.keys, LOG_SCHEMA)
    await log.append([sighting(0, "other", "OTHER1", now_us())])
    before = data_of(other_redis)
    with pytest.raises(MoveError, match="the new Redis holds another log"):
        await prepare(places, nothing)
    assert data_of(other_redis) == before


async def test_records_that_were_archived_during_the_copy_are_not_there_either(
    places: Places, redis_server: RedisServer, other_redis: RedisServer
):
    await prepare(places, nothing)
    await places.source.execute_command("XTRIM", places.keys.log, "MINID", "=", "20-0")
    await switch(places, nothing)
    assert contents(other_redis, places.keys) == contents(redis_server, places.keys)


async def test_a_key_that_changes_while_it_is_copied_is_noticed(places: Places, monkeypatch: pytest.MonkeyPatch):
    source, target = Side(places.source), Side(places.target)
    key = places.keys.outbox_meta
    monkeypatch.setattr(source, "parts", parts_then(source, places, key))
    with pytest.raises(NotEqualError, match="outbox:meta differs after it was copied"):
        await copy_key(source, target, places.keys.log_meta, key, "hash")


def parts_then(source: Side, places: Places, key: str) -> Any:
    """Return ``source.parts``, which change once they were read."""
    parts = source.parts

    async def changing(*args: str) -> AsyncIterator[Any]:
        async for part in parts(*args):
            yield part
        await places.source.execute_command("HINCRBY", key, "emitted", 1)

    return changing


async def test_nothing_is_taken_in_where_a_log_is_open_or_an_entry_is_not_whole(
    places: Places, redis_server: RedisServer, other_redis: RedisServer
):
    keys, functions = (places.keys.log, places.keys.log_meta), Side(places.target).functions
    before = data_of(redis_server)
    with pytest.raises(ResponseError, match=f"OTHERLOG {places.mark.log_id}"):
        await Side(places.source).functions.call("take_in", keys, ("999-0", 2, "type", "x"))
    for words in (("1-0",), ("1-0", "x"), ("1-0", 3, "a", "b", "c"), ("1-0", 2, "a", "b", "2-0", 2, "a")):
        with pytest.raises(ResponseError, match="parkstream_move"):
            await functions.call("take_in", keys, words)
    assert data_of(redis_server) == before
    assert data_of(other_redis) == {}


async def test_an_outbox_whose_last_summaries_were_delivered_goes_on_after_them(
    places: Places, redis_server: RedisServer, other_redis: RedisServer, mall: str
):
    old, new = Mall(redis_server.url, mall), Mall(other_redis.url, mall)
    taken = await old.outbox.take("there", 1_000, 1)
    assert await old.outbox.settle([one.id for one in taken[-5:]]) == 5
    await move(places)
    left = await old.redis.xinfo_stream(places.keys.outbox), await new.redis.xinfo_stream(places.keys.outbox)
    assert left[0]["last-generated-id"] == left[1]["last-generated-id"] == taken[-1].id.encode()
    assert await new.outbox.account() == await old.outbox.account()
    await old.close()
    await new.close()

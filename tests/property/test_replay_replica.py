"""Replay = one fold in memory = live projection, with a restart at any point and any batches."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from archives import archive_through
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_histories import happenings, later, log_of
from parkstream_eventlog import Record
from parkstream_projection.codec import aside_of, decode_clock
from parkstream_projection.rebuild import Rebuilder, Source, check
from parkstream_projection.rebuild.changes import Changes
from parkstream_projection.rebuild.replica import Replica
from parkstream_projection.rebuild.worker import Decoding, Hashing
from parkstream_projection.state_hash import encode
from parkstream_projection.store import Change
from projections import Mall, Truth

numbers = count(1)


class Replayed:
    """What both processes of a replay do, in one."""

    def __init__(self) -> None:
        self.replica = Replica()
        self._begin()

    def _begin(self) -> None:
        self._decoding = Decoding(self.replica.rules)
        self._hashing = Hashing()

    def take_in(self, records: list[Record]) -> str:
        """Fold *records* as one batch, and return the hash."""
        if records:
            self.replica.take_in(self._decoding.batch_of(records))
        return self._hashing.changed(self.replica.changes(whole=True), self.replica.clock)

    def restart(self) -> str:
        """Go on from nothing but what is committed, and return its hash."""
        before, self.replica = self.replica, None
        plates = {name: before.plate(name) for name in before.names()}
        clock = decode_clock(before.clock, aside_of(before.state.clock))
        self.replica = Replica(before.checkpoint, clock, plates.items())
        self._begin()
        return self._hashing.changed(plates, self.replica.clock)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(happened=happenings, later=later, borders=st.sets(st.integers(0, 34)), restarts=st.sets(st.integers(0, 34)))
def test_any_batches_with_restarts_anywhere_are_one_fold(happened, later, borders, restarts):
    records = log_of(happened, later)
    truth, replayed = Truth(records), Replayed()
    start = 0
    for border in sorted({*borders, *restarts, len(records)}):
        found = replayed.take_in(records[start:border])
        start = max(start, border)
        assert border not in restarts or replayed.restart() == found
    replica = replayed.replica
    assert found == truth.hash
    assert {name: replica.plate(name) for name in replica.names()} == {
        name: encode(plate) for name, plate in truth.state.plates.items()
    }
    assert [queue._due for queue in replica.state.timers] == [queue._due for queue in truth.state.timers]


@pytest.fixture
def malls(redis_url: str, mall: str) -> Callable[[], Mall]:
    """Makes malls of their own."""
    return lambda: Mall(redis_url, f"{mall}-{next(numbers)}")


@pytest.fixture
def folders(tmp_path: Path) -> Callable[[], Path]:
    """Makes folders of their own."""
    return lambda: tmp_path / f"archive-{next(numbers)}"


async def replayed_on_redis(shop: Mall, records: list[Record], restart: int, archived: int, folder: Path) -> None:
    await shop.log.create()
    for record in records:
        fields = {"type": record.type, "id": record.id, "body": record.body, "recorded": record.recorded_at_us}
        await shop.redis.xadd(shop.keys.log, {**fields, "published": "", "traceparent": ""}, f"{record.position}-0")
    await shop.redis.hset(shop.keys.log_meta, "position", len(records))
    projector = shop.projector()
    await projector.load()
    await projector.step(await shop.records())
    source = Source(shop.url, shop.keys.mall)
    checked = await check(source, shop.redis, shop.keys)
    assert checked.equal
    assert checked.events == len(records)
    for through in (restart, None):
        async with Rebuilder(source, shop.redis, shop.keys, 2) as rebuilder:
            rebuilt = await rebuilder.catch_up(through)
    assert rebuilt.state_hash == checked.hash == projector.state_hash == Truth(records).hash
    assert await shop.version(2) == await shop.version(1)
    if archived:
        await archive_through(shop, folder, archived)
    across = Source(shop.url, shop.keys.mall, str(folder))
    assert (await check(across, shop.redis, shop.keys)).hash == checked.hash
    async with Rebuilder(across, shop.redis, shop.keys, 3) as rebuilder:
        assert (await rebuilder.catch_up()).state_hash == checked.hash
    assert await shop.version(3) == await shop.version(1)
    await shop.close()


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(happened=happenings, later=later, data=st.data())
def test_on_redis_live_is_check_is_rebuild_with_a_restart_and_across_an_archive(malls, folders, happened, later, data):
    records = log_of(happened, later)
    restart, archived = (data.draw(st.integers(0, len(records))) for _ in range(2))
    asyncio.run(replayed_on_redis(malls(), records, restart, archived, folders()))


class Version:
    """What Redis holds of a version: each commit is applied as the function does it."""

    def __init__(self) -> None:
        self.plates: dict[str, bytes] = {}
        self.timers: list[dict[str, int]] = [{}, {}, {}]

    def commit(self, change: Change) -> None:
        self.plates |= zip(change.entities[::2], change.entities[1::2], strict=True)
        for name in change.forgotten:
            del self.plates[name]
        for timer, put, dropped in zip(self.timers, change.put, change.dropped, strict=True):
            for member in dropped:
                timer.pop(member, None)
            timer.update(zip(put[1::2], put[::2], strict=True))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(happened=happenings, later=later, borders=st.sets(st.integers(0, 34)), commits=st.sets(st.integers(0, 34)))
def test_commits_of_several_batches_write_what_one_fold_remembers(happened, later, borders, commits):
    records = log_of(happened, later)
    truth, replica, decoding, version = Truth(records), Replica(), Decoding(0), Version()
    changes = Changes(set())
    start = 0
    for border in sorted({*borders, *commits, len(records)}):
        if batch := records[start:border]:
            replica.take_in(decoding.batch_of(batch))
            whole = border in commits or border >= len(records)
            changes.add(replica.changes(whole=whole))
            start = border
            if whole:
                version.commit(changes.take(replica.checkpoint, replica.clock, replica.state))
    assert version.plates == {name: encode(plate) for name, plate in truth.state.plates.items()}
    assert version.timers == [queue._due for queue in truth.state.timers]

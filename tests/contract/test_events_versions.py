"""Both versions of a sighting in one log: one id is one record, and the rules make the same of either."""

import json
from collections.abc import AsyncIterator

import pytest
from eventlog_stores import MemoryStore, RedisStore, Store, entered, exited, sighting
from parkstream_eventlog import Appended, Duplicate, EventLog, IdConflict, Overtaken, Record
from parkstream_events import wire
from parkstream_projection import recorded_event_of, state_hash
from parkstream_visits import Fold, State

SILENCE = (wire.WATERMARK_ADVANCED, "watermark:entry:1", b"{}")


@pytest.fixture(params=["memory", "redis"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[EventLog]:
    store: Store = MemoryStore()
    if request.param == "redis":
        store = RedisStore(request.getfixturevalue("redis_url"), request.getfixturevalue("mall"))
    yield store.log
    if isinstance(store, RedisStore):
        await store.close()


async def test_the_type_is_kept_as_it_came(log: EventLog):
    await log.append([sighting(wire.ENTERED_V2, "a", None, None), exited("b")])
    assert [record.type for record in await log.read(0, 9)] == [wire.ENTERED_V2, wire.EXITED]


async def test_a_sighting_that_comes_again_in_another_version_is_not_recorded_again(log: EventLog):
    again = sighting(wire.ENTERED_V2, "a", b"the same, said otherwise", None)
    assert await log.append([entered("a"), again, exited("a")]) == [
        Appended(1, recorded_at_us=(await log.state()).recorded_at_us),
        IdConflict(1),
        Appended(2, recorded_at_us=(await log.state()).recorded_at_us),
    ]
    assert await log.append([sighting(wire.EXITED_V2, "b", None, None)] * 2) == [
        Appended(3, recorded_at_us=(await log.state()).recorded_at_us),
        Duplicate(3),
    ]


async def test_a_sighting_of_either_version_ends_its_directions_silence(log: EventLog):
    await log.append([entered("a"), sighting(wire.ENTERED_V2, "b", None, None)])
    assert await log.decide(*SILENCE, unless_after=(["entry"], 1)) == Overtaken()


def a_day(*, entries: str, exits: str) -> list[Record]:
    """Return what ten cars leave in a log whose cameras write the versions that are named."""
    records = []
    for n in range(20):
        car, exiting = n // 2, n % 2
        type_ = exits if exiting else entries
        body = {"id": f"{n}", "vehicle_plate": f"CAR{car}", f"{('entry', 'exit')[exiting]}_date_time": at(n)}
        place = {"camera": {"site": "north", "lane": "2"}} if type_.endswith(".v2") else {"gate": "north/2"}
        records.append(Record(n + 1, type_, f"{n}", json.dumps({**body, **place}).encode(), n, None, None))
    return records


def at(minute: int) -> str:
    return f"2026-11-24T09:{minute:02}:00Z"


def test_the_visits_are_the_same_whatever_version_the_cameras_write():
    hashes = set()
    for entries in (wire.ENTERED, wire.ENTERED_V2):
        for exits in (wire.EXITED, wire.EXITED_V2):
            fold = Fold(State())
            spoken = [
                said for record in a_day(entries=entries, exits=exits) for said in fold.fold(recorded_event_of(record))
            ]
            assert [said.outcome for said in spoken] == ["completed"] * 10
            hashes.add(state_hash(fold.state))
    assert len(hashes) == 1

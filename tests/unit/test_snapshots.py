"""Snapshots are few, of this log only, and none that is damaged is believed."""

import resource
from pathlib import Path

import pytest
from parkstream_eventlog import MemoryLog, Record
from parkstream_events import wire
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.sightings import VehicleEntered, VehicleExited, moment_of
from parkstream_events.units import DAY_US
from parkstream_projection.questions.as_of import AsOf, as_of
from parkstream_projection.questions.snapshots import KEPT_MAX, DamagedSnapshotError, Snapshots, stride
from visits_histories import START

EVERY = 10


def record(position: int, name: str = "id", *, a_day: int = 1_000) -> Record:
    at_us = START + position * (DAY_US // a_day)
    kind = (VehicleEntered, VehicleExited)[position % 2]
    event = kind(f"{name}-{position}", f"CAR{position // 2 % 5_000}", moment_of(at_us), None)
    return Record(position, wire.type_of(event), event.id, wire.encode(event), at_us, None, None)


def log_of(last: int, *, other_from: int | None = None) -> MemoryLog:
    log = MemoryLog(LOG_SCHEMA, lambda: START)
    names = ("id", "other")
    log.take_over([record(n, names[other_from is not None and n >= other_from]) for n in range(1, last + 1)])
    return log


async def ask(log: MemoryLog, to: int, snapshots: Snapshots | None) -> tuple[dict[str, int], int]:
    """Return the counters, and how many records were read for them."""
    read = [0]

    def reached(done: int, total: int) -> None:
        read[0] = done

    answer = await as_of(log, AsOf(to=to), reached, snapshots)
    return answer.counters, read[0]


async def test_a_long_log_leaves_few_snapshots(tmp_path):
    log, snapshots = log_of(300_000), Snapshots(tmp_path, "log", every=2_000)
    counters, _ = await ask(log, 300_000, snapshots)
    assert KEPT_MAX // 2 <= len(list(tmp_path.iterdir())) == len(snapshots.heads) <= KEPT_MAX
    assert {head.position % 16_000 for head in snapshots.heads} == {0}
    again, read = await ask(log, 299_999, Snapshots(tmp_path, "log", every=2_000))
    assert read <= 16_000
    assert again["entered"] + again["exited"] == counters["entered"] + counters["exited"] - 1


@pytest.mark.parametrize(("position", "apart"), [(1, 100_000), (3_299_999, 100_000), (3_300_000, 200_000)])
def test_they_are_the_further_apart_the_longer_the_log_is(position, apart):
    assert stride(position) == apart


async def test_an_answer_begins_with_the_nearest_one(tmp_path):
    log = log_of(95)
    assert (await ask(log, 95, Snapshots(tmp_path, "log", every=EVERY)))[1] == 95
    for to, expected in [(95, 5), (90, 0), (89, 9), (9, 9)]:
        counters, read = await ask(log, to, Snapshots(tmp_path, "log", every=EVERY))
        assert read == expected
        assert counters == (await ask(log, to, None))[0]


async def test_those_of_another_log_are_removed(tmp_path):
    await ask(log_of(30), 30, Snapshots(tmp_path, "log", every=EVERY))
    assert len(list(tmp_path.iterdir())) == 3
    assert Snapshots(tmp_path, "adopted", every=EVERY).heads == []
    assert list(tmp_path.iterdir()) == []


async def test_what_a_log_has_lost_is_forgotten(tmp_path):
    await ask(log_of(45), 45, Snapshots(tmp_path, "log", every=EVERY))
    for log, left in [(log_of(45, other_from=35), [10, 20, 30]), (log_of(29), [10, 20])]:
        snapshots = Snapshots(tmp_path, "log", every=EVERY)
        await snapshots.check(log)
        assert [head.position for head in snapshots.heads] == left
        assert await ask(log, 29, snapshots) == ((await ask(log, 29, None))[0], 9)


@pytest.mark.parametrize("damage", [b"", b"\x00\x00\x00\x05hello", b"\xff\xff\xff\xff"])
async def test_one_whose_head_is_damaged_is_gone_with_those_that_follow(tmp_path, damage):
    await ask(log_of(30), 30, Snapshots(tmp_path, "log", every=EVERY))
    middle = file_of(tmp_path, 20)
    middle.write_bytes(damage)
    assert [head.position for head in Snapshots(tmp_path, "log", every=EVERY).heads] == [10]
    assert [file.name for file in tmp_path.iterdir()] == [file_of(tmp_path, 10).name]


async def test_one_whose_state_is_damaged_is_made_anew(tmp_path):
    log = log_of(35)
    await ask(log, 35, Snapshots(tmp_path, "log", every=EVERY))
    whole = file_of(tmp_path, 30).read_bytes()
    file_of(tmp_path, 30).write_bytes(whole[:-5])
    with pytest.raises(DamagedSnapshotError, match="position 30 cannot be read: ask again"):
        await ask(log, 35, Snapshots(tmp_path, "log", every=EVERY))
    assert await ask(log, 35, Snapshots(tmp_path, "log", every=EVERY)) == ((await ask(log, 35, None))[0], 15)
    assert file_of(tmp_path, 30).read_bytes() == whole


async def test_a_full_disk_costs_snapshots_only(tmp_path):
    log, limits = log_of(95), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        answered = await ask(log, 95, Snapshots(tmp_path, "log", every=EVERY))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert answered == await ask(log, 95, None)
    assert list(tmp_path.iterdir()) == []


def file_of(folder: Path, position: int) -> Path:
    (file,) = folder.glob(f"*-{position}.snapshot")
    return file

"""A record that cannot be read, from its alarm to its acknowledgement: it changes nothing and blocks nothing."""

import json
from typing import Any

import pytest
from backend_sightings import BEGIN, entry, exit_
from command_line import CommandLine
from parkstream_eventlog import Candidate
from parkstream_events import wire
from parkstream_events.sightings import microseconds
from parkstream_projection.store import Change
from parkstream_visits.state import UNREADABLE_LISTED_MAX
from pipeline import Pipeline
from projections import HOUR, Mall, now_us, project, sighting

EXTREMES = [
    (wire.ENTERED, b'{"id":"1","vehicle_plate":"OLD","entry_date_time":"0001-01-01T00:00:00Z"}'),
    (wire.ENTERED, b'{"id":"2","vehicle_plate":"NEW","entry_date_time":"9999-12-31T23:59:59.999999Z"}'),
    (wire.EXITED, b'{"id":"3","vehicle_plate":"NEW","exit_date_time":"9999-12-31T23:59:59.999999Z"}'),
    (wire.EXITED, b'{"id":"4","vehicle_plate":"ALONE","exit_date_time":"9999-12-31T23:59:59.999999Z"}'),
    (wire.ENTERED, b'{"id":"5","vehicle_plate":"NEW","entry_date_time":"9999-12-31T23:59:59.999999-23:59"}'),
    (wire.WATERMARK_ADVANCED, b'{"gates":[],"to_us":%d,"because":"silence","as_of_position":1}' % 2**70),
    (wire.WATERMARK_ADVANCED, b'{"gates":[],"to_us":253402300799999999,"because":"silence","as_of_position":1}'),
    (wire.RECORD_ACKNOWLEDGED, b'{"position":%d,"reason":"far"}' % 2**70),
    (wire.RULES_CHANGED, b'{"duplicate_window_us":1,"max_stay_us":%d}' % 2**63),
    ("vehicle.flew.v1", b"\xff"),
]


async def write(shop: Mall, *records: tuple[str, bytes]) -> None:
    """Append whatever it is; the log does not look into bodies."""
    for nth, (type_, body) in enumerate(records):
        await shop.log.decide(type_, f"odd-{nth}", body, unless_after=None)


@pytest.mark.parametrize("batch", [1, 100])
async def test_extremes_are_projected_live_as_they_are_replayed(shop, batch):
    await write(shop, *EXTREMES)
    await project(shop.projector(), batch)
    truth = await shop.truth()
    assert (await shop.reads.state()).state_hash == truth.hash
    assert [item for _, item in await shop.emitted()] == truth.items
    listed = [(one.position, one.reason) for one in truth.state.clock.unreadable]
    assert listed == [(5, "invalid_field"), (6, "invalid_field"), (9, "invalid_field"), (10, "unknown_type")]
    assert [str(spoken.outcome) for spoken in truth.emitted] == ["completed"]


async def written(shop: Mall, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many bytes each commit writes of ten cars that enter, one by one."""
    arguments, written = Change.arguments, list[int]()

    def counted(change: Change) -> list[Any]:
        flat = arguments(change)
        written.append(sum(len(one) if isinstance(one, str | bytes) else len(str(one)) for one in flat))
        return flat

    await shop.log.append([sighting(0, f"car-{nth}", f"CAR{nth}", now_us()) for nth in range(10)])
    with monkeypatch.context() as patch:
        patch.setattr(Change, "arguments", counted)
        await project(shop.projector(), 1)
    return written


async def test_a_commit_writes_as_much_however_many_are_listed(shop, redis_url, mall, monkeypatch):
    other_shop = Mall(redis_url, f"{mall}-other")
    await write(shop, EXTREMES[-1])
    await write(other_shop, *[("vehicle.flew.v1", b"x")] * UNREADABLE_LISTED_MAX)
    for one in (shop, other_shop):
        await project(one.projector())
    few, many = await written(shop, monkeypatch), await written(other_shop, monkeypatch)
    assert len((await other_shop.reads.state()).clock.unreadable) == UNREADABLE_LISTED_MAX
    assert max(many) <= max(few) + 40, "but for numbers that have more digits"
    assert (await other_shop.reads.state()).state_hash == (await other_shop.truth()).hash
    await other_shop.close()


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


async def test_what_cannot_be_read_is_an_alarm_until_it_is_acknowledged(pipeline, shop):
    at_us = microseconds(BEGIN)
    await shop.log.append(
        [
            Candidate(wire.ENTERED, "e1", entry("e1", "CAR1", BEGIN), at_us, "entry"),
            Candidate(wire.ENTERED, "broken", b"{", at_us, "entry"),
            Candidate(wire.EXITED, "x1", exit_("x1", "CAR1", BEGIN), at_us, "exit"),
        ]
    )
    pipeline.start()
    parkstream = CommandLine({**pipeline.environ, "PARKSTREAM_SUMMARY_URL": pipeline.api.url})
    await pipeline.until(lambda: pipeline.stats()["lines"] == 1)
    await pipeline.until(lambda: "\nparking_records_unreadable 1.0\n" in pipeline.metrics())
    assert pipeline.state()["unreadable"] == 1
    (wrong,) = [one for one in json.loads(parkstream("doctor", "--json").out)["findings"] if one["about"] == "records"]
    assert (wrong["level"], "parkstream log unreadable" in wrong["advice"]) == ("wrong", True)
    (listed,) = parkstream("log", "unreadable", "--json").object["unreadable"]
    assert (listed["position"], listed["reason"]) == (2, "not_json")
    assert "parkstream log acknowledge" in parkstream("log", "unreadable").out

    done = parkstream("log", "acknowledge", "2", "--reason", "a test sent it", "--json").object
    assert (done["position"], done["new"]) == (2, True)
    await pipeline.until(lambda: pipeline.state()["unreadable"] == 0)
    await pipeline.until(lambda: "\nparking_records_unreadable 0.0\n" in pipeline.metrics())
    assert "records" not in {one["about"] for one in json.loads(parkstream("doctor", "--json").out)["findings"]}
    again = parkstream("log", "acknowledge", "2", "--reason", "once more", "--json").object
    assert (again["decided_at"], again["new"]) == (done["decided_at"], False)


async def test_only_what_is_listed_can_be_acknowledged(shop, parkstream):
    await shop.log.append([sighting(0, "e1", "CAR1", now_us() - HOUR)])
    await project(shop.projector())
    await shop.log.append([Candidate(wire.ENTERED, "broken", b"{", now_us(), "entry")])
    fine = parkstream("log", "acknowledge", "1", "--reason", "why")
    assert (fine.code, "is not listed as unreadable" in fine.err) == (1, True)
    early = parkstream("log", "acknowledge", "2", "--reason", "why")
    assert (early.code, "the projection has got to 1 only" in early.err) == (1, True)
    for reason in ("", "   ", "x" * 501):
        assert parkstream("log", "acknowledge", "2", "--reason", reason).code == 2
    assert parkstream("log", "acknowledge", "2").code == 2
    await project(shop.projector())
    assert "record 2 is accepted, by record 3" in parkstream("log", "acknowledge", "2", "--reason", "why").out
    assert "record 2 was accepted before, by record 3" in parkstream("log", "acknowledge", "2", "--reason", "x").out
    assert (await shop.log.state()).position == 3

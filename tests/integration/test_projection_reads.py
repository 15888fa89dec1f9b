"""Questions to a projection."""

import pytest
from parkstream_events.sightings import moment_of
from parkstream_events.summaries import Outcome
from projections import HOUR, SECOND, Mall, day_of_traffic, now_us, project, sighting, untimed


async def test_before_the_first_record_there_is_nothing(shop: Mall):
    present, outlook = await shop.reads.state(), await shop.reads.outlook()
    assert (present.checkpoint, present.pending, present.inside) == (0, 0, 0)
    assert present.state_hash == (await shop.truth()).hash
    assert (outlook.checkpoint, outlook.waiting) == (0, ([], []))
    assert await shop.reads.plate("CAR") is None
    assert (await shop.reads.inside()).items == []
    assert await shop.reads.recorded_at([]) == []


async def test_the_state_counts_what_the_log_amounts_to(shop: Mall):
    await shop.log.append(day_of_traffic(100, now_us() - HOUR))
    await project(shop.projector())
    truth, present = await shop.truth(), await shop.reads.state()
    assert present.checkpoint == len(await shop.records())
    assert present.clock == truth.state.clock
    assert present.counters["completed"] == truth.state.clock.counters.completed > 0
    assert present.watermark == moment_of(truth.state.clock.gates.watermark_us)
    assert [(one.direction, one.gate) for one in present.gates] == [("entry", ""), ("exit", "")]


async def test_a_plates_visits_are_told_with_what_was_said_of_them(shop: Mall):
    at = now_us() - HOUR
    await shop.log.append([sighting(0, "in", "CAR", at), sighting(0, "again", "CAR", at + SECOND)])
    await shop.log.append([sighting(1, "out", "CAR", at + 60 * SECOND), sighting(0, "back", "CAR", at + 90 * SECOND)])
    await project(shop.projector())
    ended, inside = await shop.reads.plate("CAR") or []
    assert (untimed(ended.visit_id), ended.outcome, ended.revision) == ("exit:out", Outcome.COMPLETED, 1)
    assert (ended.entry_event_id, ended.exit_event_id, ended.duplicate_reads) == ("in", "out", 1)
    assert (ended.entry_date_time, ended.exit_date_time) == (moment_of(at), moment_of(at + 60 * SECOND))
    assert (untimed(inside.visit_id), inside.outcome, inside.revision) == ("entry:back", None, 0)


async def test_who_is_inside_is_told_page_by_page(shop: Mall):
    at = now_us() - HOUR
    cars = [sighting(0, f"in-{n}", f"CAR{n}", at + n // 3) for n in range(10)]  # Three at a time.
    twice = [sighting(0, "first", "TWICE", at - 90 * SECOND), sighting(0, "second", "TWICE", at - SECOND)]
    gone = [sighting(0, "came", "GONE", at), sighting(1, "went", "GONE", at + SECOND)]
    await shop.log.append([*cars, *twice, *gone])
    await project(shop.projector())
    cursor, found = "0", []
    while cursor:
        page = await shop.reads.inside(cursor, 4)
        found += [(car.vehicle_plate, car.entry_event_id) for car in page.items]
        cursor = page.cursor
    assert sorted(found) == sorted([*((f"CAR{n}", f"in-{n}") for n in range(10)), ("TWICE", "second")])
    assert len(found) == (await shop.reads.state()).inside


async def test_the_outlook_tells_what_comes_due_first_and_when_it_was_last_seen(shop: Mall):
    at = now_us() - HOUR
    exits = [sighting(1, f"out-{n}", f"CAR{n}", at - n * SECOND) for n in range(5)]
    await shop.log.append([*exits, sighting(0, "in", "STAYS", at - HOUR)])
    await project(shop.projector())
    outlook = await shop.reads.outlook(3)
    entry, exit_ = outlook.waiting
    assert [untimed(one.visit_id) for one in entry] == ["exit:out-4", "exit:out-3", "exit:out-2"]
    assert entry[0].due_us == at - 4 * SECOND
    assert [one.plate for one in exit_] == ["STAYS"]
    assert outlook.checkpoint == 6
    *_, fifth, sixth = await shop.records()
    recorded = await shop.reads.recorded_at(["CAR4", "NOBODY", "STAYS"])
    assert recorded == [fifth.recorded_at_us, 0, sixth.recorded_at_us]


@pytest.mark.parametrize("cursor", ["", "x", "1.x", "1.2.3"])
async def test_a_cursor_that_is_none_is_refused(shop: Mall, cursor: str):
    with pytest.raises(ValueError, match="invalid literal"):
        await shop.reads.inside(cursor)

"""``parkstream visit`` on a real Redis: what was said of a car, and why; out of few records where that is possible."""

from parkstream_eventlog import RedisLog
from parkstream_events import wire
from parkstream_events.decisions import Gate, Reason, RestatedVisit, VisitsRestated, WatermarkAdvanced
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.sightings import Direction
from parkstream_projection.opened import Opened
from parkstream_projection.questions.plate_story import Asked, asked_for, story_of
from parkstream_projection.questions.story_in_words import answers
from parkstream_visits import Rules
from parkstream_visits.plate_visits import ENTRY, EXIT, visit_id_of
from projections import HOUR, SECOND, Mall, day_of_traffic, now_us, project, sighting

MINUTE = 60 * SECOND


def trace(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-01"


async def see(shop: Mall, *seen: tuple[int, str, str, int]) -> None:
    """Append sightings one after the other: way, id, plate, when; the id's number is that of its trace."""
    for way, id_, plate, at_us in seen:
        await shop.log.append([sighting(way, id_, plate, at_us)._replace(traceparent=trace(int(id_[1:])))])


async def decide(shop: Mall, to_us: int, because: Reason = "silence") -> None:
    position = (await shop.log.state()).position
    decision = WatermarkAdvanced([Gate(way) for way in Direction], to_us, because, position)
    await shop.log.decide(wire.WATERMARK_ADVANCED, decision.id, wire.encode(decision), unless_after=None)


async def test_a_completed_visit_with_a_duplicate_read(shop, parkstream):
    begin = now_us() - HOUR
    await see(
        shop, (0, "e1", "CAR1", begin), (1, "x2", "CAR1", begin + MINUTE), (1, "x3", "CAR1", begin + MINUTE + SECOND)
    )
    await project(shop.projector())
    found = parkstream("visit", "car-1", "--json").object
    (visit,) = found["visits"]
    exit_visit = visit_id_of(EXIT, "x2", begin + MINUTE)
    assert (visit["visit_id"], visit["outcome"]) == (exit_visit, "completed")
    assert [(one["position"], one["rule"]) for one in visit["sightings"]] == [
        (1, "opened_visit"),
        (2, "completed_visit"),
        (3, "duplicate_read"),
    ]
    assert [one["traceparent"] for one in visit["sightings"]] == [trace(1), trace(2), trace(3)]
    (said,) = visit["revisions"]
    assert (said["position"], said["because"], said["duration"]) == (2, "rests_on_what_was_seen", "PT1M")
    assert parkstream("visit", exit_visit, "--json").object == found
    assert parkstream("visit", visit_id_of(ENTRY, "e1", begin), "--json").object == found, "what became of that entry"

    told = parkstream("visit", exit_visit).out
    assert f"{exit_visit}  CAR1  completed (revision 1), PT1M" in told
    assert "a duplicate read of the exit of" in told
    assert f"trace {1:032x}" in told


async def test_what_was_held_tells_who_released_it(shop, parkstream):
    begin = now_us() - HOUR
    await see(shop, (1, "x1", "CAR1", begin), (0, "e2", "CAR2", begin + 5 * SECOND), (1, "x3", "CAR3", begin + MINUTE))
    await decide(shop, begin + HOUR)
    await project(shop.projector())
    first, third = (parkstream("visit", plate, "--json").object["visits"][0] for plate in ("CAR1", "CAR3"))
    (sighting_,) = first["sightings"]
    assert sighting_["rule"] == "exit_without_entry"
    (said,) = first["revisions"]
    assert (said["because"], said["pending_since_position"], said["position"]) == ("watermark_passed", 1, 3)
    assert said["outcome"] == "entry_missed"
    (said,) = third["revisions"]
    assert (said["because"], said["pending_since_position"], said["position"]) == ("silence", 3, 4)
    told = parkstream("visit", "CAR3").out
    assert (
        "released by decision 4 because nothing came from entry gates, exit gates for the whole silence grace" in told
    )
    waiting = parkstream("visit", "CAR2", "--json").object["visits"][0]
    assert (waiting["outcome"], waiting["waits"]["since_position"], waiting["waits"]["direction"]) == (None, 2, "exit")
    assert "pending since record 2 until every gate has reported beyond" in parkstream("visit", "CAR2").out


async def test_what_came_late_corrects_and_supersedes(shop, parkstream):
    begin = now_us() - HOUR
    await see(shop, (0, "e1", "CAR1", begin), (0, "e2", "CAR1", begin + MINUTE))
    await decide(shop, begin + HOUR, "hold_max")
    await see(shop, (1, "x4", "CAR1", begin + 30 * SECOND))
    await project(shop.projector())
    visits = {one["visit_id"]: one for one in parkstream("visit", "CAR1", "--json").object["visits"]}
    first, last = visit_id_of(ENTRY, "e1", begin), visit_id_of(EXIT, "x4", begin + 30 * SECOND)
    assert [one["because"] for one in visits[first]["revisions"]] == ["pending_too_long", "superseded"]
    assert visits[first]["revisions"][1]["superseded_by"] == last
    assert visits[last]["revisions"][0]["because"] == "rests_on_what_was_seen"
    told = parkstream("visit", first).out
    assert f"the car's stay is in {last} now" in told
    assert "it was pending for too long (hold_max)" in told


async def test_what_another_version_said_again_is_told(shop, parkstream):
    now = now_us()
    await see(shop, (0, "e1", "CAR1", now), (1, "x2", "CAR1", now + SECOND))
    await busy(shop, 3_000)
    again = VisitsRestated(2, 2, 1, [RestatedVisit("CAR1", visit_id_of(EXIT, "x2", now + SECOND), 1)])
    await shop.log.decide(wire.VISITS_RESTATED, again.id, wire.encode(again), unless_after=None)
    await project(shop.projector(), 1_000)
    answer = parkstream("visit", "CAR1", "--json")
    (visit,) = answer.object["visits"]
    assert [(one["because"], one["position"]) for one in visit["revisions"]] == [
        ("rests_on_what_was_seen", 2),
        ("restated", 3_003),
    ]
    assert "a visit was corrected" in answer.err
    assert "restated by decision 3003" in parkstream("visit", "CAR1").out


async def test_what_came_too_late_is_told(shop, parkstream):
    now = now_us()
    await see(shop, (0, "e1", "CAR1", now - HOUR), (0, "e2", "CAR1", now - 10 * 24 * HOUR))
    await project(shop.projector())
    (other,) = parkstream("visit", "CAR1", "--json").object["other_sightings"]
    assert (other["position"], other["rule"]) == (2, "too_late")
    assert "too late: it could come until" in parkstream("visit", "CAR1").out


async def test_a_car_or_visit_that_was_never_seen_is_1_and_no_plate_is_2(shop, parkstream):
    await see(shop, (0, "e1", "CAR1", now_us()))
    await project(shop.projector())
    for words, code in ((["CAR9"], 1), (["exit:e1@1"], 1), (["entry:nobody@1"], 1), (["##"], 2), ([], 2)):
        answer = parkstream("visit", *words)
        assert (answer.code, answer.out) == (code, ""), words
        assert "Traceback" not in answer.err


class CountingLog(RedisLog):
    """Knows how many records were read."""

    count = 0

    async def read(self, after, count):
        records = await super().read(after, count)
        self.count += len(records)
        return records


def unnoticed(_done: int, _total: int) -> None:
    pass


def counted(shop: Mall) -> Opened:
    return Opened(shop.redis, shop.keys, CountingLog(shop.redis, shop.keys, LOG_SCHEMA), shop.outbox, shop.reads)


async def test_of_every_plate_the_story_is_what_the_projection_said(shop):
    rules = Rules(duplicate_window_us=SECOND, max_stay_us=20 * SECOND)
    await shop.log.append(day_of_traffic(20, now_us() - HOUR))
    await shop.log.decide(wire.RULES_CHANGED, "rules:1", wire.encode(rules.changed(1)), unless_after=None)
    await shop.log.append(day_of_traffic(60, now_us() - HOUR + 30 * MINUTE)[40:])
    await project(shop.projector())
    truth = await shop.truth()
    assert len(truth.state.clock.rules) == 2
    for plate in truth.state.plates:
        story = await story_of(counted(shop), Asked(plate, None), unnoticed, print)
        revisions = [revision.emitted for told in story.visits for revision in told.revisions]
        wanted = [spoken for spoken in truth.emitted if spoken.plate == plate]
        assert sorted(revisions, key=key_of) == sorted(wanted, key=key_of)


def key_of(spoken):
    return spoken.position, spoken.visit_id, spoken.revision


async def busy(shop: Mall, count: int) -> None:
    for start in range(0, count, 500):
        await shop.log.append([sighting(n % 2, f"b{start + n}", f"B{start + n}", now_us()) for n in range(500)])


async def test_what_is_remembered_needs_few_of_many_records(shop):
    await busy(shop, 6_000)
    await see(shop, (0, "e1", "CAR1", now_us()))
    await busy(shop, 6_000)
    left = now_us()
    await see(shop, (1, "x2", "CAR1", left))
    await busy(shop, 6_000)
    await project(shop.projector(), 1_000)
    it = counted(shop)
    found = answers(await story_of(it, Asked("CAR1", None), unnoticed, print))
    assert [one.visit_id for one in found.visits] == [visit_id_of(EXIT, "x2", left)]
    assert it.log.count < 6_000, "far less than between its coming and its leaving"


async def test_a_final_visit_is_found_by_the_id_index_and_read_from_the_beginning(shop, parkstream):
    begin = now_us() - HOUR
    await see(shop, (0, "e1", "CAR1", begin), (1, "x2", "CAR1", begin + MINUTE), (1, "x3", "CAR2", begin + MINUTE))
    await project(shop.projector())
    await shop.redis.hdel(shop.keys.projection(1, "plates"), "CAR1")
    answer = parkstream("visit", visit_id_of(EXIT, "x2", begin + MINUTE), "--json")
    (visit,) = answer.object["visits"]
    assert [one["because"] for one in visit["revisions"]] == ["rests_on_what_was_seen"]
    assert "is not remembered any more: reading the log from its beginning" in answer.err

    by_plate = parkstream("visit", "CAR1", "--json")
    assert by_plate.object == answer.object
    assert by_plate.err == answer.err


async def test_without_the_id_index_the_log_is_read(shop):
    left = now_us() - MINUTE
    await see(shop, (0, "e1", "CAR1", left - HOUR), (1, "x2", "CAR1", left))
    for key in await shop.redis.keys(shop.keys.key("log", "ids", "*")):
        await shop.redis.delete(key)
    asked = await asked_for(counted(shop), visit_id_of(EXIT, "x2", left), unnoticed, print)
    assert asked.plate == "CAR1"

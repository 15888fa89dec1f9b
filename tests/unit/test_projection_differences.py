"""Where two versions say something else of a visit, and how that becomes decisions."""

from parkstream_events import wire
from parkstream_events.summaries import Outcome
from parkstream_projection import Difference, restating
from parkstream_projection.differences import differences, final_before_us
from parkstream_visits import Clock, LastEmitted, Plate, PlateSighting, Rules

ENTRY = PlateSighting(100, 0, "e", 0, 1, 0, "", None, None)
EXIT = PlateSighting(200, 1, "x", 0, 2, 0, "", None, None)
COMPLETED = LastEmitted(1, Outcome.COMPLETED, ENTRY.identity, EXIT.identity, 2)
MISSED = LastEmitted(1, Outcome.ENTRY_MISSED, None, EXIT.identity, 3)
VISIT = EXIT.visit_id
WITH, WITHOUT = Plate([ENTRY, EXIT], {VISIT: COMPLETED}), Plate([EXIT], {VISIT: MISSED})


def found(shown, now, final_before=0, name="CAR"):
    return differences([(name, shown, now)], final_before)


def test_what_is_the_same_is_no_difference():
    assert found(WITH, Plate([ENTRY, EXIT], {VISIT: COMPLETED}, inside=True)) == []


def test_another_body_is_a_difference():
    assert found(WITHOUT, WITH) == [Difference("CAR", VISIT, MISSED, COMPLETED)]


def test_another_revision_is_a_difference():
    again = COMPLETED._replace(revision=2)
    assert found(WITH, Plate(WITH.sightings, {VISIT: again})) == [Difference("CAR", VISIT, COMPLETED, again)]


def test_another_time_of_the_same_sighting_is_a_difference():
    later = ENTRY._replace(at_us=101)
    moved = COMPLETED._replace(entry=later.identity)
    assert found(WITH, Plate([later, EXIT], {VISIT: moved})) == [Difference("CAR", VISIT, COMPLETED, moved)]


def test_at_which_record_a_summary_was_emitted_is_no_difference():
    assert found(WITH, Plate(WITH.sightings, {VISIT: COMPLETED._replace(position=9)})) == []


def test_what_only_one_says_is_a_difference_while_it_may_change():
    for other in (None, Plate([ENTRY])):
        assert found(WITH, other, 200) == [Difference("CAR", VISIT, COMPLETED, None)]
        assert found(other, WITH, 200) == [Difference("CAR", VISIT, None, COMPLETED)]


def test_what_is_final_may_have_been_forgotten_by_one():
    assert found(WITH, None, 201) == found(None, WITH, 201) == []
    assert found(WITHOUT, WITH, 201) == [Difference("CAR", VISIT, MISSED, COMPLETED)], "both remember it"


def test_a_visit_that_moved_to_another_plate_is_one_difference():
    moved = [("CAR", WITH, None), ("BUS", None, WITH)]
    assert differences(moved, 0) == differences(moved[::-1], 0) == [Difference("BUS", VISIT, COMPLETED, COMPLETED)]


def test_what_happened_before_a_clocks_finality_may_be_forgotten():
    rules = Rules(finality_us=50, duplicate_window_us=10)
    longer = Rules(finality_us=500, duplicate_window_us=10)
    assert final_before_us(Clock(1_000, rules=[longer, rules]), Clock(990, rules=[longer])) == 940


def test_decisions_name_what_was_shown_in_records_that_the_log_takes():
    many = [Difference("CAR", f"exit:{n}" + "x" * 150, MISSED if n % 2 else None, COMPLETED) for n in range(1_100)]
    decisions = restating(many, 3, 41)
    assert [decision.id for decision in decisions] == [f"restated:41:{n}" for n in range(1, len(decisions) + 1)]
    assert [visit.visit_id for decision in decisions for visit in decision.visits] == [one.visit_id for one in many]
    assert [visit.revision for visit in decisions[0].visits[:2]] == [0, 1]
    assert all(wire.decode(wire.VISITS_RESTATED, wire.encode(decision)) == decision for decision in decisions)
    assert len(restating(many[:1], 3, 41)) == 1
    assert restating([], 3, 41) == []


def test_no_record_restates_more_than_500():
    few = [Difference("C", f"exit:{n}", None, COMPLETED) for n in range(501)]
    assert [len(decision.visits) for decision in restating(few, 3, 41)] == [500, 1]

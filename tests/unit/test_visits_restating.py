"""What is restated is said again at the revision after all that was said of it, as it is now."""

import pytest
from parkstream_events.decisions import RestatedVisit, VisitsRestated
from parkstream_events.summaries import Outcome
from parkstream_visits import RecordedEvent, State
from parkstream_visits.emitted import summary_of
from parkstream_visits.state import LastEmitted
from visits_histories import END, IN, OUT, START, UNIT, Emissions, Pass


def visit_id(name: str) -> str:
    """Return the id of the visit of a sighting that is called ``way:id:at``."""
    way, id_, at = name.split(":")
    return Pass(int(at), ("entry", "exit").index(way), id_).visit_id


def restate(told: Emissions, name: str, revision: int, plate: str = "A1"):
    visit_id_ = visit_id(name)
    visits = [RestatedVisit(plate, visit_id_, revision)]
    (spoken,) = told.take(RecordedEvent(0, START + END * UNIT, None, None, VisitsRestated(2, told.position, 1, visits)))
    return spoken


def completed() -> Emissions:
    return Emissions().see(Pass(10, IN, "a"), Pass(20, OUT, "b"))


@pytest.mark.parametrize(("shown", "revision"), [(0, 2), (1, 2), (4, 5)])
def test_a_visit_is_said_again_at_the_next_revision_as_it_is(shown, revision):
    told = completed()
    spoken = restate(told, "exit:b:20", shown)
    assert (spoken.revision, spoken.outcome) == (revision, Outcome.COMPLETED)
    assert (spoken.entry.id, spoken.exit.id, spoken.position) == ("a", "b", told.position)
    assert told.state.plates["A1"].emitted[visit_id("exit:b:20")] == LastEmitted(
        revision, Outcome.COMPLETED, Pass(10, IN, "a").identity, Pass(20, OUT, "b").identity, told.position
    )


def test_its_latency_does_not_go_on_but_its_trace_is_known():
    traced = Pass(10, OUT, "x").fact(0)._replace(published_at_us=7, traceparent="trace")
    told = Emissions()
    told.take(traced)
    told.see(Pass(99, IN, "far", "ZZ"), Pass(99, OUT, "far", "ZZ"))
    spoken = restate(told, "exit:x:10", 1)
    assert spoken.restated
    assert spoken.cause.traceparent == "trace"
    assert summary_of(spoken).published_at_us is None


def test_a_visit_that_the_rules_do_not_give_is_retracted():
    told = completed()
    spoken = restate(told, "entry:a:10", 3)
    assert (spoken.revision, spoken.outcome, spoken.entry, spoken.exit) == (4, Outcome.RETRACTED, None, None)
    assert told.state.plates["A1"].emitted[visit_id("entry:a:10")].revision == 4


def test_of_a_plate_that_nobody_remembers_nothing_is_kept():
    told = completed()
    spoken = restate(told, "exit:zz:10", 1, "NEW")
    assert (spoken.plate, spoken.revision, spoken.outcome) == ("NEW", 2, Outcome.RETRACTED)
    assert "NEW" not in told.state.plates


def test_a_visit_that_is_held_is_retracted_until_it_may_be_said():
    told = Emissions().see(Pass(10, IN, "a"), recorded=10)
    assert restate(told, "entry:a:10", 1).outcome == Outcome.RETRACTED
    assert told.state.plates["A1"].inside
    assert told.see(Pass(11, IN, "again")).emitted[-1].revision == 2, "a duplicate read says nothing"
    assert told.state.plates["A1"].inside
    told.to_the_end()
    last = told.emitted[-1]
    assert (last.visit_id, last.revision, last.outcome) == (visit_id("entry:a:10"), 3, Outcome.EXIT_MISSED)


def test_a_held_visit_that_was_restated_is_completed_at_once_by_its_exit():
    told = Emissions().see(Pass(20, OUT, "b"), recorded=20)
    restate(told, "exit:b:20", 1)
    told.see(Pass(10, IN, "a"), recorded=21)
    assert [(said.visit_id, said.revision, said.outcome.value) for said in told.emitted] == [
        (visit_id("exit:b:20"), 2, "retracted"),
        (visit_id("exit:b:20"), 3, "completed"),
    ]


def test_the_counters_count_what_is_current():
    told = completed()
    restate(told, "exit:b:20", 1)
    restate(told, "entry:a:10", 1)
    counters = told.state.clock.counters
    assert (counters.completed, counters.retracted, counters.emitted, counters.decisions) == (1, 1, 3, 3)


def test_only_what_is_named_is_touched():
    told = completed().see(Pass(10, IN, "c", "B2"), Pass(20, OUT, "d", "B2"))
    told.fold.take_touched()
    restate(told, "exit:d:20", 1, "B2")
    assert told.fold.take_touched() == {"B2"}
    assert isinstance(told.state, State)

"""The fold against the oracle that knows every rule, and for which histories each property of visits holds.

=========================================================  ====================================================
property                                                   holds
=========================================================  ====================================================
the last revisions are what the rules give, in any order   unless something was too late, or too many
in order nothing is ever corrected                         with gates that are learned and decisions, too
however late one gate is only a completed visit is         while every gate is known and none was idle, or is
corrected                                                  decided to have waited enough (see the examples)
a car that creeps past a camera is one visit               always
=========================================================  ====================================================
"""

from collections.abc import Sequence
from unittest.mock import patch

import parkstream_visits.fold
import parkstream_visits.shortcuts
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from parkstream_events.decisions import LATEST_US, Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction
from parkstream_visits import Fold, RecordedEvent, Rules, State, plate_ledger
from parkstream_visits.gates import GATES_MAX, GateStatus
from parkstream_visits.timers import Timer
from parkstream_visits.watermark_decision import Drained, next_decision
from visits_histories import END, IN, OUT, START, UNIT, Emissions, Pass, histories_at, passes_at, plain_visits
from visits_oracle import Oracle

NAMES = ("", "north", "south")
ALL = [Gate(way, name) for way in Direction for name in NAMES]
CAP = 5
many = settings(max_examples=1_000, deadline=None)


def steps_at(names: Sequence[str]) -> st.SearchStrategy:
    """Return what may happen one after the other where gates have *names*, and how long after what was before."""
    gates = [Gate(way, name) for way in Direction for name in names]
    decided = st.tuples(
        st.sampled_from(["silence", "silence", "behind", "hold_max"]),
        st.one_of(st.just(gates), st.lists(st.sampled_from(gates), max_size=6)),
        st.integers(-30, 5),
        st.integers(0, 2),
    )
    return st.tuples(
        st.sampled_from([0, 0, 1, 3, 7, 30]),
        st.one_of(
            st.tuples(passes_at(names), st.integers(-3, 60)),
            st.tuples(passes_at(names), st.sampled_from([0, 0, 0, 25])),
            decided,
        ),
    )


steps = steps_at(NAMES)
rules = st.builds(
    lambda finality, stay: Rules(3 * UNIT, stay * UNIT, 4 * UNIT, 5 * UNIT, 20 * UNIT, finality * UNIT),
    st.sampled_from([40, 100, 20_000]),
    st.sampled_from([20, 50]),
)


def log_of(taken, in_force: Rules) -> list[RecordedEvent]:
    """Return what is recorded step after step; a sighting happens some seconds before (or after) its recording."""
    facts = [RecordedEvent(1, START, None, None, in_force.changed(0))]
    now = 0
    for pause, what in taken:
        now += pause
        position = len(facts) + 1
        if isinstance(what[0], Pass):
            seen, ago = what
            id_ = f"{seen.plate}-{seen.id}"  # The log takes an id and event time once.
            facts.append(Pass(now - ago, seen.way, id_, seen.plate, seen.gate).fact(position, now))
        else:
            because, gates, ahead, back = what
            event = WatermarkAdvanced(gates, START + (now + ahead) * UNIT, because, position - 1 - back)
            facts.append(RecordedEvent(position, START + now * UNIT, None, None, event))
    return facts


def lines_of(fold: Fold, fact: RecordedEvent) -> list[tuple]:
    return sorted(
        (
            one.position,
            one.plate,
            one.visit_id,
            one.revision,
            str(one.outcome),
            one.entry and one.entry.identity,
            one.exit and one.exit.identity,
        )
        for one in fold.fold(fact)
    )


@pytest.fixture(scope="module", autouse=True)
def _few_sightings():
    """Let a plate keep few sightings, so that many have too many."""
    fold, shortcuts = parkstream_visits.fold, parkstream_visits.shortcuts
    with patch.object(fold, "SIGHTINGS_MAX", CAP), patch.object(shortcuts, "SIGHTINGS_MAX", CAP):
        yield


@many
@given(st.lists(steps, max_size=30), rules)
def test_every_revision_is_that_of_the_oracle_at_the_same_record(taken, in_force):
    fold, oracle = Fold(State()), Oracle(CAP)
    for fact in log_of(taken, in_force):
        before = len(oracle.lines)
        oracle.take(fact)
        assert lines_of(fold, fact) == sorted(oracle.lines[before:]), fact
        assert fold.state.clock.gates.watermark_us == oracle.watermark
    counters = fold.state.clock.counters
    assert counters.too_late_entries + counters.too_late_exits == oracle.too_late
    assert counters.too_many_entries + counters.too_many_exits == oracle.too_many
    assert counters.void == oracle.void


@many
@given(st.lists(steps, max_size=20), rules)
def test_the_watermark_never_goes_back_and_gates_that_count_are_not_before_it(taken, in_force):
    fold, before = Fold(State()), 0
    for fact in log_of(taken, in_force):
        fold.fold(fact)
        gates = fold.state.clock.gates
        assert before <= gates.watermark_us <= fold.state.clock.recorded_at_us
        assert all(gate.mark_us >= gates.watermark_us for _, gate in gates.counted())
        before = gates.watermark_us


def _old(*, after: int, ago: int) -> list[tuple]:
    """Return what all gates report *after* some time, though it happened before."""
    sides = ((IN, "B2"), (OUT, "A1"))
    return [(after * (way == IN), (Pass(0, way, f"{after}", plate, ""), ago)) for way, plate in sides]


PLAIN = [Gate(way, "") for way in Direction]
LATE = [(30, ("silence", PLAIN, 0, 0)), *_old(after=2, ago=3)]
BEHIND = [*_old(after=30, ago=25), *_old(after=6, ago=25), (0, ("behind", PLAIN, 0, 0)), *_old(after=24, ago=22)]


@many
@example(LATE, Rules(3 * UNIT, 50 * UNIT, 4 * UNIT, 5 * UNIT, 20 * UNIT))
@example(BEHIND, Rules(3 * UNIT, 50 * UNIT, 4 * UNIT, 5 * UNIT, 20 * UNIT))
@given(st.one_of(st.lists(steps_at(NAMES[:1]), max_size=20), st.lists(steps, max_size=20)), rules)
def test_whatever_waits_is_released_by_silence_whatever_the_gates_are(taken, in_force):
    """Nothing more is recorded, and every queue is drained; that a visit was pending for ``hold_max`` is not needed."""
    fold, facts = Fold(State()), log_of(taken, in_force)
    for fact in facts:
        fold.fold(fact)
    clock, timers, position = fold.state.clock, fold.state.timers, len(facts)
    drained = dict.fromkeys(Direction, Drained(START, LATEST_US))
    while dues := [us for kind in (Timer.MISSING_ENTRY, Timer.MISSING_EXIT) if (us := timers[kind].first_due())]:
        due = next_decision(clock, min(dues), None, drained, clock.recorded_at_us)
        assert due is not None
        assert position < len(facts) + 100
        at_us = max(due.at_us, clock.recorded_at_us)
        fold.fold(RecordedEvent(position + 1, at_us, None, None, due.decision(at_us, position)))
        position += 1


@many
@given(st.lists(steps, max_size=20), st.randoms())
def test_in_any_order_and_with_any_gates_and_decisions_the_last_revisions_are_what_the_rules_give(taken, random):
    told = Emissions()
    seen = [what[0] for _, what in taken if isinstance(what[0], Pass)][:CAP]
    for _, what in random.sample(taken, len(taken)):
        if not isinstance(what[0], Pass):
            because, gates, ahead, back = what
            told.decide(WatermarkAdvanced(gates, START + ahead * UNIT, because, told.position - back), 130)
        elif what[0] in seen:
            told.see(what[0], recorded=130)
    told.decide(WatermarkAdvanced(ALL, START + END * UNIT, "silence", told.position))
    wanted = {
        id_: visit
        for plate in ("A1", "B2")
        for id_, visit in plain_visits([p for p in seen if p.plate == plate]).items()
    }
    assert told.current("A1", "B2") == wanted


@many
@given(histories_at(NAMES, max_size=CAP), st.lists(st.integers(0, CAP), max_size=4))
def test_in_order_nothing_is_corrected_with_gates_that_are_learned_and_silent_between(seen, silences):
    told = Emissions()
    for nth, one in enumerate(sorted(seen)):
        if nth in silences:
            told.decide(WatermarkAdvanced(ALL, START + one.at * UNIT, "silence", told.position), one.at)
        told.see(one, recorded=one.at)
    told.to_the_end()
    assert all(one.revision == 1 for one in told.emitted)


@pytest.mark.parametrize("because", ["learned", "silence", "hold_max"])
def test_a_gate_that_is_new_or_was_not_waited_for_may_correct(because):
    told = Emissions(("north",) if because == "learned" else ("north", "south"))
    told.see(Pass(20, OUT, "x", gate="north"), recorded=20)
    south = [Gate(way, "south") for way in Direction]
    if because != "learned":
        told.decide(WatermarkAdvanced(south, START + 90 * UNIT, because, told.position), 90)
    told.see(Pass(90, IN, "a", "B2", "north"), Pass(91, OUT, "b", "B2", "north"), recorded=91)
    assert [str(one.outcome) for one in told.emitted if one.plate == "A1"] == ["entry_missed"]
    told.see(Pass(10, IN, "e", gate="south"), recorded=92)
    assert [str(one.outcome) for one in told.emitted if one.plate == "A1"] == ["entry_missed", "completed"]


def test_hold_max_releases_nothing_that_is_due_later():
    told = Emissions(("north", "south"))
    told.see(Pass(20, OUT, "x", gate="north"), Pass(40, OUT, "y", "B2", "north"), recorded=40)
    late = [name for name, gate in told.state.clock.gates.counted() if gate.mark_us < START + 24 * UNIT + 1]
    said = told.decide(WatermarkAdvanced(late, START + 24 * UNIT + 1, "hold_max", told.position), 80)
    assert [one.exit.id for one in said] == ["x"]
    assert told.state.clock.gates.watermark_us == START + 24 * UNIT + 1


def test_a_gate_whose_clock_is_slow_is_behind_until_it_reports_in_time():
    told = Emissions(("north", "south"))
    slow = Gate(Direction.ENTRY, "south")
    for second in range(100, 120):
        told.see(Pass(second - 90, IN, f"s{second}", f"S{second}", "south"), recorded=second)
    gate = dict(told.state.clock.gates.all())[slow]
    assert gate.is_behind(5 * UNIT)
    told.decide(WatermarkAdvanced([slow], START + 119 * UNIT, "behind", 0), 119)
    assert gate.status is GateStatus.BEHIND
    told.see(Pass(31, IN, "old", "OLD", "south"), recorded=121)
    assert gate.status is GateStatus.BEHIND
    told.see(Pass(122, IN, "new", "NEW", "south"), recorded=122)
    assert gate.status is GateStatus.COUNTED


def test_of_a_hundred_thousand_names_few_are_kept_and_none_is_waited_for_alone():
    fold = Fold(State())
    for n in range(100_000):
        fold.fold(Pass(n, IN, f"{n}", f"P{n}", f"gate-{n}").fact(n + 1, n))
    gates = fold.state.clock.gates
    assert len(gates.known[IN]) == GATES_MAX + 1
    assert gates.known[IN][""].mark_us == START + 99_999 * UNIT


def test_a_plate_that_is_read_all_day_keeps_few_sightings_and_all_are_counted():
    told = Emissions()
    for second in range(0, 40, 4):
        told.see(Pass(second, IN, f"{second}"), recorded=second)
    assert len(told.state.plates["A1"].sightings) == CAP
    counters = told.state.clock.counters
    assert (counters.entered, counters.too_many_entries) == (CAP, 10 - CAP)


def test_what_is_too_many_costs_no_pairing_of_the_plate():
    told = Emissions()
    for second in range(0, 4 * CAP, 4):
        told.see(Pass(second, IN, f"{second}"), recorded=second)
    told.fold.take_touched()
    with patch.object(plate_ledger, "visits_of", side_effect=AssertionError):
        told.see(Pass(5 * CAP, IN, "one"), Pass(1, OUT, "two"), recorded=5 * CAP)
    assert told.state.clock.counters.too_many_entries + told.state.clock.counters.too_many_exits == 2
    assert told.fold.take_touched() == set(), "nor is it written"


def test_what_is_final_makes_room():
    told = Emissions()
    for day in range(3 * CAP):
        at = day * 30_000
        told.see(Pass(at, IN, f"in{day}"), recorded=at).see(Pass(at + 9, OUT, f"out{day}"), recorded=at + 9)
    counters = told.state.clock.counters
    assert (counters.completed, counters.too_many_entries + counters.too_many_exits) == (3 * CAP, 0)

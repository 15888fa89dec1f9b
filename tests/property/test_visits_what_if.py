"""The same log under other rules: no difference where the rules are the same, and where not, what the rules give."""

import asyncio
from collections import defaultdict

import pytest
from clockwork import Clockwork
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs
from parkstream_backend.project import watermark_generator
from parkstream_backend.project.watermark_generator import WatermarkGenerator
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited
from parkstream_events.summaries import Outcome
from parkstream_projection import recorded_event_of
from parkstream_telemetry import Telemetry, TelemetryOptions
from parkstream_visits import Emitted, Fold, RecordedEvent, Rules, State, Visit, visits_of
from parkstream_visits.in_memory import InMemory
from parkstream_visits.plate_visits import plate_sighting_of
from parkstream_visits.what_if import Ending, Otherwise, WhatIf
from recorded_logs import GATES, changes, decisions, logs, rules
from visits_histories import START, UNIT

FAR = START + 10**6 * UNIT


def same(before: Rules) -> Rules:
    return before


def folded(facts, changed=same, **more):
    what_if = WhatIf(changed, **{"again": False, **more})
    for fact in facts:
        what_if.take(fact)
    return what_if


def ending(visit: Emitted | Visit) -> Ending:
    return Ending.of(visit.outcome, visit.entry and visit.entry.identity, visit.exit and visit.exit.identity)


def different(log: dict[str, Ending], other: dict[str, Ending]):
    pairs = {id_: (log.get(id_), other.get(id_)) for id_ in log.keys() | other.keys()}
    return {id_: pair for id_, pair in pairs.items() if pair[0] != pair[1]}


def ended(facts: list[RecordedEvent]) -> list[RecordedEvent]:
    """Return *facts*, and a decision that lets everything that waits be emitted."""
    last = facts[-1]
    gates = [Gate(way, name) for way in Direction for name in GATES]
    decision = WatermarkAdvanced(gates, FAR, "silence", last.position)
    return [*facts, RecordedEvent(last.position + 1, FAR, None, None, decision)]


@settings(max_examples=400, deadline=None)
@given(logs(decisions, changes), st.integers(1, 26))
def test_the_same_rules_give_no_difference(facts, start):
    what_if = folded(facts, start=start)
    assert what_if.differences() == []
    log, other = what_if.counters()
    assert log == other
    assert what_if.corrections[0] == what_if.corrections[1]


@settings(max_examples=400, deadline=None)
@given(logs(decisions, changes), rules, rules, st.booleans(), st.integers(1, 26))
def test_the_visits_that_differ_are_those_that_two_folds_end_otherwise(facts, first, other, again, start):
    facts = [RecordedEvent(1, START, None, None, first.changed(0)), *facts[1:]]
    what_if = folded(facts, lambda _: other, again=again, start=start)
    current: list[dict[str, Ending]] = [{}, {}]
    for ended, side in zip(current, (InMemory(), Otherwise(lambda _: other, start, again=again)), strict=True):
        for said in (said for fact in facts for said in side.take(fact)):
            ended.pop(said.visit_id, None)
            if said.outcome != Outcome.RETRACTED:
                ended[said.visit_id] = ending(said)
    found = {
        one.visit_id: tuple(None if side and side.waiting else side for side in (one.log, one.other))
        for one in what_if.differences()
    }
    assert found == different(*current)


@settings(max_examples=400, deadline=None)
@given(logs(decisions), st.sampled_from([0, 1, 8, 30]), st.sampled_from([1, 20, 300]))
def test_other_windows_and_stays_give_what_the_rules_give(facts, window, stay):
    def changed(before: Rules) -> Rules:
        return structs.replace(before, duplicate_window_us=window * UNIT, max_stay_us=stay * UNIT)

    facts = ended(facts)
    what_if = folded(facts, changed)
    seen = defaultdict(list)
    for fact in facts:
        if isinstance(fact.event, VehicleEntered | VehicleExited):
            event = fact.event
            seen[event.vehicle_plate].append(plate_sighting_of(event, fact, 0))
    log, other = (
        {visit.id: ending(visit) for each in seen.values() for visit in visits_of(sorted(each), [in_force])}
        for in_force in what_if.rules()
    )
    assert {one.visit_id: (one.log, one.other) for one in what_if.differences()} == different(log, other)
    counted = what_if.counters()[1]
    outcomes = [one.outcome for one in other.values()]
    for outcome in ("completed", "entry_missed", "exit_missed"):
        assert counted[outcome] == outcomes.count(outcome)


moments = st.tuples(
    st.sampled_from([0, 0.4, 2, 6, 70]),
    st.sampled_from([0, 1]),
    st.sampled_from(["A1", "B2", "C3"]),
    st.sampled_from([0, 0, 0, 1.5, 30, 100]),
    st.sampled_from([None, None, "north"]),
)


@pytest.fixture(scope="module")
def telemetry():
    return Telemetry(TelemetryOptions(service="test", plate_hash_key="k", statistics_seconds=0, strict=True))


async def _kept(cars, telemetry) -> list[RecordedEvent]:
    """Return the log of cars that are seen while a watermark generator looks at the clock, and long after."""
    works = Clockwork()

    def fail(error: Exception, _: float) -> None:
        raise error

    keeper = WatermarkGenerator(works.log, works, Rules(), works.drained, telemetry, fail)
    for number, (pause, way, plate, ago, gate) in enumerate([*cars, (300, 0, "LAST", 0, None)]):
        end = works.seconds + pause
        while (step := await keeper.look()) < end - works.seconds:
            works.seconds += step
        works.seconds = end
        await works.see(way, f"{number}", plate, ago, gate)
    return [recorded_event_of(record) for record in await works.log.read(0, 10_000)]


@settings(max_examples=150, deadline=None)
@given(cars=st.lists(moments, max_size=15))
@example(
    cars=[(0.4, 0, "A1", 0, None), (2, 0, "C3", 0, None), (2, 0, "C3", 30, None), (2, 1, "C3", 30, None)]
)  # Both sides say, then retract.
def test_what_a_watermark_generator_decided_is_decided_again(cars, telemetry):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watermark_generator, "CATCH_UP_LOOK_SECONDS", 0.001)
        facts = asyncio.run(_kept(cars, telemetry))
    what_if = folded(facts, again=True)
    assert what_if.differences() == []
    log, other = what_if.counters()
    assert {**log, "decisions": 0, "emitted": 0, "retracted": 0} == {
        **other,
        "decisions": 0,
        "emitted": 0,
        "retracted": 0,
    }


@settings(max_examples=300, deadline=None)
@given(logs(decisions, changes), rules)
def test_the_plain_fold_of_the_log_is_one_of_the_sides(facts, other):
    fold = Fold(State())
    for fact in facts:
        fold.fold(fact)
    assert folded(facts, lambda _: other, again=True).counters()[0] == structs.asdict(fold.state.clock.counters)

"""What was known at a position, and what was true at a time, against every set of sightings looked through by hand."""

from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from parkstream_events.decisions import RulesChanged
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds
from parkstream_visits import Fold, PlateSighting, RecordedEvent, Rules, State, visits_of
from parkstream_visits.as_of_event_time import COUNTED, AsOfEventTime
from parkstream_visits.as_of_recorded_time import AsOfRecordedTime
from parkstream_visits.plate_visits import plate_sighting_of
from recorded_logs import changes, decisions, logs
from visits_histories import START, UNIT

PLATES = ("A1", "B2")
times = st.integers(-5, 200).map(lambda seconds: START + seconds * UNIT)


class Truth:
    """What was true at *at_us* by the definition, which looks at sets only."""

    def __init__(self, facts: list[RecordedEvent], at_us: int) -> None:
        rules = [Rules()]
        seen: defaultdict[str, dict[tuple[int, int, str], PlateSighting]] = defaultdict(dict)
        for fact in facts:
            if fact.recorded_at_us > at_us + rules[-1].finality_us:
                break
            match fact.event:
                case RulesChanged():
                    rules.append(Rules(**{name: getattr(fact.event, name) for name in Rules.__struct_fields__}))
                case VehicleEntered() | VehicleExited() as event:
                    happened_us = microseconds(event.event_time)
                    too_late = fact.recorded_at_us > happened_us + rules[-1].finality_us
                    if happened_us <= at_us and not too_late:
                        sighting = plate_sighting_of(event, fact, len(rules) - 1)
                        seen[event.vehicle_plate].setdefault(sighting.key, sighting)
        self.seen = {plate: sorted(found.values()) for plate, found in seen.items()}
        self.visits = {plate: visits_of(found, rules) for plate, found in self.seen.items()}
        self.inside = {
            plate: found[-1].entry
            for plate, found in self.visits.items()
            if found and found[-1].exit is None and found[-1].due_us >= at_us
        }

    def outcomes(self, plate: str) -> list[tuple[str, str | None]]:
        found = [(visit.id, visit.outcome) for visit in self.visits.get(plate, [])]
        return [*found[:-1], (found[-1][0], None)] if plate in self.inside else found

    def counters(self) -> dict[str, int]:
        counted = Counter[str](inside=len(self.inside))
        for plate, visits in self.visits.items():
            counted.update(str(outcome) for _, outcome in self.outcomes(plate) if outcome)
            counted.update(("entered", "exited")[seen.way] for seen in self.seen[plate])
            ways = (duplicate.way for visit in visits for duplicate in visit.duplicates)
            counted.update(("duplicate_entries", "duplicate_exits")[way] for way in ways)
        return {name: counted[name] for name in COUNTED}


@settings(max_examples=1_500, deadline=None)
@given(logs(decisions, changes), times)
def test_what_was_true_is_what_the_rules_make_of_all_that_had_happened(facts, at_us):
    truth = Truth(facts, at_us)
    found = {plate: AsOfEventTime(at_us, plate) for plate in PLATES}
    for plate, happened in found.items():
        for fact in facts:
            if not happened.take(fact):
                break
        assert [(visit.visit_id, visit.outcome) for visit in happened.visits()] == truth.outcomes(plate)
        assert happened.counters() == truth.counters()
        assert {plate: entry.id for plate, entry in happened.inside()} == {
            plate: entry.id for plate, entry in truth.inside.items()
        }


@settings(max_examples=300, deadline=None)
@given(logs(decisions), times, st.randoms())
def test_what_was_true_does_not_depend_on_when_it_became_known(facts, at_us, random):
    first, *rest = facts
    shuffled = random.sample(rest, len(rest))
    last = facts[-1].recorded_at_us
    answers = []
    for order in (rest, shuffled):
        happened = AsOfEventTime(at_us, "A1")
        happened.take(first)
        for position, fact in enumerate(order, 2):
            happened.take(fact._replace(position=position, recorded_at_us=last))
        cars = [(car.plate, car.entry.id) for car in happened.inside()]
        answers.append((happened.counters(), cars, [visit[:2] for visit in happened.visits()]))
    assert answers[0] == answers[1]


@settings(max_examples=500, deadline=None)
@given(logs(decisions, changes), st.integers(0, 26))
def test_what_was_known_is_the_log_folded_up_to_then(facts, position):
    known, fold = AsOfRecordedTime("A1"), Fold(State())
    current = {}
    for fact in facts[:position]:
        known.take(fact)
        current |= {said.visit_id: said for said in fold.fold(fact) if said.plate == "A1"}
    said = [visit for visit in known.visits() if visit.outcome]
    assert {visit.visit_id: (visit.outcome, visit.revision) for visit in said} == {
        id_: (one.outcome, one.revision) for id_, one in current.items()
    }
    held = {visit.visit_id for visit in known.visits() if not visit.outcome}
    plate = fold.state.plates.get("A1")
    assert held == (set() if plate is None else set(plate.pending))
    assert known.counters()["inside"] == len(known.inside())
    assert {car.plate for car in known.inside()} == {name for name, each in fold.state.plates.items() if each.inside}

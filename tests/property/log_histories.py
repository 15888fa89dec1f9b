"""Random logs: sightings of a few plates, decisions, records that nobody can read, and days that pass."""

from typing import Any

from hypothesis import strategies as st
from parkstream_eventlog import Record
from parkstream_events.decisions import Gate, RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import Direction
from parkstream_visits import RecordedEvent
from projections import record_of
from visits_histories import END, IN, OUT, RULES, START, UNIT, Pass

DAY = 86_400
GATES = ("", "north", "south")

passes = st.builds(
    Pass,
    st.integers(0, 120),
    st.sampled_from([IN, OUT]),
    st.integers(0, 99).map(str),
    st.sampled_from(["A1", "B2", "C3", "D4", "E5"]),
    st.sampled_from(GATES),
)
EVERY = [Gate(way, name) for way in Direction for name in GATES]
advances = st.tuples(
    st.sampled_from(["silence", "behind", "hold_max"]),
    st.one_of(st.just(EVERY), st.lists(st.sampled_from(EVERY), max_size=4)),
    st.integers(0, 200),
)
rules = st.sampled_from([1, 4, 30]).map(lambda lateness: lateness * UNIT)
happenings = st.lists(st.one_of(passes, passes, passes, advances, rules, st.just(None)), max_size=30)
later = st.lists(st.tuples(st.integers(1, 4), passes), max_size=4)


def log_of(happened: list[Any], later: list[tuple[int, Pass]]) -> list[Record]:
    """Return a log of it all: *later* things happen days after, so that plates become final and are forgotten."""
    facts = [RecordedEvent(1, START, None, None, RULES.changed(0))]
    for position, what in enumerate(happened, 2):
        facts.append(recorded_event_of(position, what))
    day = 0
    for position, (days, seen) in enumerate(later, len(facts) + 1):
        day += days
        moved = Pass(seen.at + day * DAY, seen.way, f"{seen.id}-{position}", seen.plate, seen.gate)
        facts.append(moved.fact(position, END + day * DAY + 200))
    return [_broken(fact) if fact.event is None else record_of(fact) for fact in facts]


def recorded_event_of(position: int, what: Any) -> RecordedEvent:
    match what:
        case Pass():
            return what.fact(position)
        case (because, gates, at):
            event = WatermarkAdvanced(gates, START + at * UNIT, because, position - 1)
        case int(lateness_us):
            event = RulesChanged(3 * UNIT, 50 * UNIT, lateness_us, 5 * UNIT, 60 * UNIT, 20_000 * UNIT, position - 1)
        case _:
            event = None
    return RecordedEvent(position, START + END * UNIT, None, None, event)


def _broken(fact: RecordedEvent) -> Record:
    return Record(fact.position, "vehicle.entered.v1", "broken", b"{", fact.recorded_at_us, None, None)

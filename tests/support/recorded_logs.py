"""Random logs, as facts: sightings that come late or early, decisions, rules that change."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st
from parkstream_events.decisions import Gate, Reason, WatermarkAdvanced
from parkstream_events.sightings import Direction
from parkstream_visits import RecordedEvent, Rules
from visits_histories import RULES, START, UNIT, Pass, passes_at

Make = Callable[[int, int], RecordedEvent]
"""Makes a fact of its position and the seconds (since the start) at which it is recorded."""

rules = st.builds(
    Rules,
    duplicate_window_us=st.sampled_from([0, 3 * UNIT, 30 * UNIT]),
    max_stay_us=st.sampled_from([10 * UNIT, 50 * UNIT, 1_000 * UNIT]),
    allowed_lateness_us=st.sampled_from([0, 4 * UNIT]),
    silence_grace_us=st.sampled_from([0, 5 * UNIT, 40 * UNIT]),
    hold_max_us=st.sampled_from([0, 20 * UNIT, 60 * UNIT]),
    finality_us=st.sampled_from([15 * UNIT, 60 * UNIT, 20_000 * UNIT]),
)


def _sighting(one: Pass) -> Make:
    """Return it under an id that no other has, as in a log."""
    return lambda position, recorded: replace(one, id=f"{one.id}.{position}").fact(position, recorded)


def _decision(because: Reason, gates: list[Gate], ahead: int, back: int) -> Make:
    def make(position: int, recorded: int) -> RecordedEvent:
        decision = WatermarkAdvanced(gates, START + (recorded + ahead) * UNIT, because, position - 1 - back)
        return RecordedEvent(position, START + recorded * UNIT, None, None, decision)

    return make


def _change(changed: Rules) -> Make:
    return lambda position, recorded: RecordedEvent(
        position, START + recorded * UNIT, None, None, changed.changed(position - 1)
    )


GATES = ("", "north", "south")
sightings = st.builds(_sighting, passes_at(GATES))
gates = st.builds(Gate, st.sampled_from(Direction), st.sampled_from(GATES))
decisions = st.builds(
    _decision,
    st.sampled_from(["silence", "silence", "behind", "hold_max"]),
    st.one_of(st.just([Gate(way, name) for way in Direction for name in GATES]), st.lists(gates, max_size=6)),
    st.integers(-30, 5),
    st.integers(0, 2),
)
changes = st.builds(_change, rules)


def log_of(steps: list[tuple[int, Make]]) -> list[RecordedEvent]:
    """Return a log, under ``RULES`` at first, of what is recorded so many seconds after one another."""
    facts = [RecordedEvent(1, START, None, None, RULES.changed(0))]
    recorded = 0
    for pause, make in steps:
        recorded += pause
        facts.append(make(len(facts) + 1, recorded))
    return facts


def logs(*more: st.SearchStrategy[Make]) -> st.SearchStrategy[list[RecordedEvent]]:
    """Return logs of sightings and *more*."""
    step = st.tuples(st.sampled_from([0, 0, 1, 3, 10, 60]), st.one_of(sightings, sightings, *more))
    return st.lists(step, max_size=25).map(log_of)

"""Why a summary was corrected: each reason is known from the log alone."""

from contextlib import nullcontext
from unittest.mock import patch

import pytest
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction
from parkstream_visits import gates
from visits_histories import END, IN, OUT, RULES, START, UNIT, Pass

from benchmarks.corrections import Reason, corrections

SOUTH = Gate(Direction.ENTRY, "south")
LATE = Pass(20, IN, "late", "LATE", "south")


def seen(at, way, gate, plate="OTHER"):
    return Pass(at, way, f"{plate}{at}", plate, gate), at


def decided(because, gates, at):
    return WatermarkAdvanced(gates, START + at * UNIT, because, END), at


BEGIN = [
    (RULES.changed(0), 0),
    (WatermarkAdvanced([Gate(way) for way in Direction], START, "silence", END), 0),
    seen(1, IN, "north"),
    seen(2, OUT, "east"),
]
LEAVES = (Pass(21, OUT, "leaves", "LATE", "east"), 21)
"""A car whose entry at the gate south is recorded late."""
ON = [seen(30, IN, "north", "ON"), seen(31, OUT, "east", "ON")]
"""Cars by the other gates that let the watermark pass, unless south counts."""
SEEN = {
    Reason.NEW: [*BEGIN, LEAVES, *ON, (LATE, 32)],
    Reason.SILENT: [*BEGIN, seen(3, IN, "south"), decided("silence", [SOUTH], 15), LEAVES, *ON, (LATE, 32)],
    Reason.OVERTAKEN: [*BEGIN, seen(3, IN, "south"), LEAVES, seen(30, IN, "south", "NEXT"), *ON, (LATE, 32)],
    Reason.HOLD_MAX: [*BEGIN, seen(3, IN, "south"), LEAVES, *ON, decided("hold_max", [SOUTH], 30), (LATE, 32)],
    Reason.COMPLETED: [
        *BEGIN,
        (Pass(10, IN, "first", "LATE", "north"), 10),
        LEAVES,
        (LATE, 32),
    ],
    Reason.BEHIND: [
        *BEGIN,
        seen(3, IN, "south"),
        (Pass(4, IN, "b1", "B1", "south"), 70),
        (Pass(5, IN, "b2", "B2", "south"), 80),
        decided("behind", [SOUTH], 81),
        LEAVES,
        *ON,
        (LATE, 82),
    ],
}


def log_of(happened):
    return [
        (one.fact(position, at) if isinstance(one, Pass) else LATE.fact(position, at)._replace(event=one))
        for position, (one, at) in enumerate(happened, 1)
    ]


@pytest.mark.parametrize("reason", SEEN)
def test_a_correction_has_the_reason_that_the_gate_gives(reason):
    found = corrections(log_of(SEEN[reason]))
    by_south = [one for one in found if one.gate == "south"]
    assert [one.reason for one in by_south] == [reason]
    assert by_south[0].visit_id == LEAVES[0].visit_id


@pytest.mark.parametrize("broken", ["slowest", "silence"])
def test_a_gate_that_should_have_been_waited_for_explains_nothing(broken):
    """Broken rules: the watermark is that of the fastest gate, or a gate is silent that has just reported."""
    early = [] if broken == "slowest" else [decided("silence", [SOUTH], 5)]
    with patch.object(gates, "min", max, create=True) if broken == "slowest" else nullcontext():
        found = corrections(log_of([*BEGIN, seen(3, IN, "south"), *early, LEAVES, *ON, (LATE, 32)]))
    assert [one.reason for one in found] == [Reason.UNEXPLAINED]


def test_what_is_seen_in_order_corrects_nothing():
    assert not corrections(log_of([*BEGIN, seen(3, IN, "south"), (LATE, 20), LEAVES, *ON]))

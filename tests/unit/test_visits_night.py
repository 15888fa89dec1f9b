"""A night at a mall with 20 gates, 12 of them closed: decisions are bounded by the visits that wait, not by time."""

import random

from parkstream_events import wire
from parkstream_events.decisions import Gate
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited, moment_of
from parkstream_visits import RecordedEvent, Rules
from parkstream_visits.in_memory import InMemory
from parkstream_visits.reenactment import Reenactment

SECOND = 1_000_000
START = 1_772_352_000 * SECOND
HOURS = 8
GATES = 10
"""In each direction."""
OPEN = 4
"""Of those."""
SECONDS_BETWEEN = 4
"""Between two sightings, on average, at all gates together."""
LONE_SHARE = 0.05
"""Exits whose entry nobody saw."""


class Night:
    """A log as it grows, with what the watermark generator decides by its time."""

    def __init__(self) -> None:
        self.memory = InMemory()
        self.memory.state.clock.rules = [Rules()]
        self.position = 0
        self.decisions: list[int] = []
        """Their sizes."""
        self.lone = 0
        self._decider = Reenactment(self.memory.state)
        self._inside: list[str] = []
        self._chance = random.Random(20)

    def see(self, at_s: float, way: Direction, plate: str, gate: int) -> None:
        kind = VehicleEntered if way is Direction.ENTRY else VehicleExited
        at_us = START + round(at_s * SECOND)
        self.position += 1
        event = kind(f"{way}-{self.position}", plate, moment_of(at_us), f"gate-{gate}")
        fact = RecordedEvent(self.position, at_us, None, None, event)
        while (decision := self._decider.before(fact)) is not None:
            self.decisions.append(len(wire.encode(decision.event)))
            self.memory.take(decision)
        self.memory.take(fact)
        self._decider.recorded(fact)

    def evening(self) -> None:
        """Let a car pass at every gate, before most of them close."""
        for gate in range(GATES):
            self.see(gate, Direction.ENTRY, f"E{gate}", gate)
            self.see(gate, Direction.EXIT, f"E{gate}", gate)

    def pass_by(self, at_s: float) -> None:
        """Let a car come or leave at one of the gates that are open."""
        gate = self._chance.randrange(OPEN)
        if self._chance.random() < LONE_SHARE / 2:
            self.lone += 1
            self.see(at_s, Direction.EXIT, f"LONE{self.lone}", gate)
        elif self._inside and self._chance.random() < 0.5:
            leaving = self._inside.pop(self._chance.randrange(len(self._inside)))
            self.see(at_s, Direction.EXIT, leaving, gate)
        else:
            self._inside.append(f"C{self.position}")
            self.see(at_s, Direction.ENTRY, self._inside[-1], gate)

    def go(self) -> None:
        self.evening()
        at_s = 60.0
        while at_s < HOURS * 3_600:
            at_s += self._chance.expovariate(1 / SECONDS_BETWEEN)
            self.pass_by(at_s)


def test_decisions_of_a_night_are_bounded_by_the_visits_that_wait():
    night = Night()
    night.go()
    counters = night.memory.state.clock.counters
    sightings = counters.entered + counters.exited
    assert counters.entry_missed >= night.lone - 1 > 100
    assert 0 < len(night.decisions) <= night.lone
    assert counters.void == 0
    assert len(night.decisions) < sightings / 20
    assert max(night.decisions) < 1_200
    closed = {Gate(way, f"gate-{gate}") for way in Direction for gate in range(OPEN, GATES)}
    assert {name for name, gate in night.memory.state.clock.gates.all() if gate.status.name == "SILENT"} >= closed

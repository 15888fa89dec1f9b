"""What a direction's gates report of a car that passes: one event, or as many as a gate's faults make of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct
from parkstream_events.sightings import Sighting, moment_of
from parkstream_events.units import SECOND_US
from parkstream_events.wire import encode

from parkstream_generators.daily_ids import DailyIds
from parkstream_generators.faults import Faults
from parkstream_generators.gates import Gate, Gates
from parkstream_generators.ids import event_id
from parkstream_generators.intents import Intent, SightingKind

MakeSighting = Callable[[str, str, datetime, str | None], Sighting]
"""Of an id, a plate, a time and a gate."""
PLACEHOLDER: Final = "UNKNOWN"
"""What a camera reports when it could read no plate."""
NO_FURTHER_CAR: Final = 0


class Passing(Struct, frozen=True):
    """A car that passes at ``at_us``, by the true clock, and the plate that is read."""

    plate: str
    at_us: int
    kind: SightingKind
    published_at_us: int = 0
    linked_traceparent: str = ""


class Passages:
    """Turns cars that pass into intents. *began_us*: when the process did."""

    def __init__(
        self,
        make: MakeSighting,
        gates: Gates,
        faults: Faults,
        *,
        daily_ids: DailyIds | None = None,
        began_us: int = 0,
    ) -> None:
        self.gates = gates
        self.faults = faults
        self._make = make
        self._daily_ids = daily_ids or DailyIds()
        self._began_us = began_us
        self._places = {gate.name: place for place, gate in enumerate(gates.all)}
        self._reads_max = max(gate.faults.creep.reads if gate.faults.creep else 1 for gate in gates.all)

    def cars_in(self, room: int) -> int:
        """Return for how many cars a buffer with *room* events has room, if each creeps past the slowest gate."""
        return -(-room // self._reads_max)

    def gate_of(self, plate: str, seed: int) -> Gate:
        """Return the gate at which the car whose true plate is *plate* passes."""
        return self.gates.taken_by(plate, seed)

    def shown_us(self, gate: Gate, at_us: int) -> int:
        """Return what the clock of *gate* shows at *at_us*, to within a few microseconds.

        No two gates ever show the same: cameras that count give the same numbers, and only the time tells them apart.
        """
        shown_us = self.faults.clock(at_us) + round(gate.faults.skew_seconds * SECOND_US)
        return shown_us + (self._places[gate.name] - shown_us) % len(self._places)

    def seen(self, passing: Passing, gate: Gate, true_plate: str, seed: int) -> list[Intent]:
        """Return what *gate* publishes of a car: further reads, if it creeps, are for when they will be made."""
        at_us = passing.at_us
        delay_us = round(self.faults.delay_of(true_plate, seed) * SECOND_US)
        copies = self.faults.copies(true_plate, seed)
        if gate.faults.creep is None:
            return [self._read(passing, gate, at_us, delay_us, copies=copies)]
        offsets_us = gate.faults.creep.offsets_us()
        first = self._read(passing, gate, at_us, delay_us, copies=copies, passed_at_us=at_us + offsets_us[-1])
        again = Passing(passing.plate, at_us, SightingKind.DUPLICATE_READ)
        later = [self._read(again, gate, at_us + us, delay_us, passed_at_us=NO_FURTHER_CAR) for us in offsets_us]
        return [first, *later]

    def no_plate(self, gate: Gate, at_us: int) -> Intent:
        """Return what *gate* publishes when it could read no plate."""
        return self._read(Passing(PLACEHOLDER, at_us, SightingKind.PLACEHOLDER), gate, at_us, 0)

    def _read(  # noqa: PLR0913, PLR0917 - all that an event says
        self,
        passing: Passing,
        gate: Gate,
        at_us: int,
        delay_us: int,
        copies: int = 1,
        passed_at_us: int | None = None,
    ) -> Intent:
        shown_us = self.shown_us(gate, at_us)
        id_ = self._daily_ids.take(gate.name, shown_us) if gate.faults.daily_ids else event_id(at_us)
        due_us = gate.faults.published_at_us(at_us + delay_us, self._began_us)
        return Intent(
            id=id_,
            kind=passing.kind,
            body=encode(self._make(id_, passing.plate, moment_of(shown_us), gate.name or None)).decode(),
            gate=gate.name,
            counted_at_us=shown_us if gate.faults.daily_ids else 0,
            copies=copies,
            publish_at_us=due_us if due_us > at_us or passing.kind is SightingKind.DUPLICATE_READ else 0,
            published_at_us=passing.published_at_us,
            linked_traceparent=passing.linked_traceparent,
            passed_at_us=passed_at_us,
        )

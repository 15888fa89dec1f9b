"""CPU microseconds per sighting of one plate that has few sightings, many, or as many as are kept.

A sighting is folded, and the plate is encoded and hashed, as a projector does when each commit holds one sighting.
"""

import time
from collections.abc import Callable
from typing import Final

from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited, moment_of
from parkstream_events.units import SECOND_US
from parkstream_projection.state_hash import encode, entity_hash
from parkstream_visits import Fold, RecordedEvent, State
from parkstream_visits.state import SIGHTINGS_MAX

from benchmarks.results import Row

BEGIN_US: Final = 1_800_000_000 * SECOND_US
SIZES: Final = (1, 10, 100, SIGHTINGS_MAX, 2 * SIGHTINGS_MAX)
"""How many sightings the plate has had; of the last, as many again were too many."""
MEASURED: Final = 200
"""How many sightings of each size, at least."""
KINDS: Final[dict[str, tuple[int, Callable[[int], bool]]]] = {
    "comes and goes": (10, lambda nth: nth % 2 == 1),
    "creeps": (1, lambda _: False),
    "never leaves": (10, lambda _: False),
}
"""Seconds from one sighting to the next, and which of them are exits."""
NAME: Final = "PLATE1"


def measure() -> list[Row]:
    """Return what a sighting costs, per kind of plate and size."""
    return [_measured(kind, size) for kind in KINDS for size in SIZES]


def _measured(kind: str, size: int) -> Row:
    latest = max(1, size // 20)
    folded, written, size_bytes = 0.0, 0.0, 0
    plates = -(-MEASURED // latest)
    for _ in range(plates):
        plate = _Plate(kind)
        for _ in range(size - latest):
            plate.fold()
        for _ in range(latest):
            folded += plate.fold()
            seconds, size_bytes = plate.write()
            written += seconds
    each = 1_000_000 / (plates * latest)
    return {
        "name": kind,
        "sightings": size,
        "fold_us": round(folded * each, 1),
        "write_us": round(written * each, 1),
        "bytes": size_bytes,
    }


class _Plate:
    """One plate in a mall whose exits are silent, so that the watermark follows its entries."""

    def __init__(self, kind: str) -> None:
        self._seconds, self._is_exit = KINDS[kind]
        self._state = State()
        self._fold = Fold(self._state)
        self._count = 0
        silence = WatermarkAdvanced([Gate(Direction.EXIT)], BEGIN_US, "silence", 1)
        self._fold.fold(RecordedEvent(1, BEGIN_US, None, None, silence))

    def fold(self) -> float:
        """Take in its next sighting, and return the CPU seconds of that."""
        nth, self._count = self._count, self._count + 1
        at_us = BEGIN_US + nth * self._seconds * SECOND_US
        event_type = VehicleExited if self._is_exit(nth) else VehicleEntered
        event = event_type(f"01a229bd-3289-79e7-8858-{nth:012x}", NAME, moment_of(at_us), "north")
        recorded = RecordedEvent(nth + 2, at_us + 10_000, at_us, None, event)
        begun = time.process_time()
        self._fold.fold(recorded)
        return time.process_time() - begun

    def write(self) -> tuple[float, int]:
        """Encode and hash the plate if it changed; return the CPU seconds of that, and how many bytes it has."""
        begun = time.process_time()
        if self._fold.take_touched():
            entity_hash(NAME, encode(self._state.plates[NAME]))
        return time.process_time() - begun, len(encode(self._state.plates[NAME]))

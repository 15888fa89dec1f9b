"""What we knew then: the log up to a position, folded, whatever has come to light since."""

from typing import NamedTuple

from msgspec import structs
from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Emitted
from parkstream_visits.in_memory import InMemory
from parkstream_visits.plate_visits import PlateSighting, visits_of
from parkstream_visits.recorded_event import RecordedEvent


class VisitThen(NamedTuple):
    """A visit as it was: ``outcome`` is None when it had not ended, or nothing had been emitted of it."""

    visit_id: str
    outcome: Outcome | None
    entry: PlateSighting | None
    exit: PlateSighting | None
    revision: int = 0
    superseded_by: str | None = None


class InsideThen(NamedTuple):
    """A car that was inside, and its entry."""

    plate: str
    entry: PlateSighting


class AsOfRecordedTime:
    """Takes in the log up to a position; remembers all that was emitted of *plate*, final or not."""

    def __init__(self, plate: str | None = None) -> None:
        self.memory = InMemory()
        self._plate = plate
        self._emitted: dict[str, Emitted] = {}

    def resume(self, memory: InMemory) -> None:
        """Go on from *memory*; nothing was emitted of the plate between what was taken in and that."""
        self.memory = memory

    def take(self, recorded: RecordedEvent) -> list[Emitted]:
        """Take in the next record of the log, and return what was emitted because of it."""
        emitted = self.memory.take(recorded)
        for one in emitted:
            if one.plate == self._plate:
                self._emitted[one.visit_id] = one
        return emitted

    def counters(self) -> dict[str, int]:
        """Return what the log amounted to."""
        return structs.asdict(self.memory.state.clock.counters)

    def inside(self) -> list[InsideThen]:
        """Return the cars that were inside as far as was known, those that came first first."""
        state = self.memory.state
        plates = ((name, plate) for name, plate in state.plates.items() if plate.inside)
        cars = ((name, visits_of(plate.sightings, state.clock.rules)[-1].entry) for name, plate in plates)
        return in_order([InsideThen(name, entry) for name, entry in cars if entry is not None])

    def visits(self) -> list[VisitThen]:
        """Return what was emitted last of each of the plate's visits, and those that are pending."""
        revisions = [
            VisitThen(one.visit_id, one.outcome, one.entry, one.exit, one.revision, one.superseded_by)
            for one in self._emitted.values()
        ]
        state = self.memory.state
        plate = state.plates.get(self._plate or "")
        if plate is not None:
            visits = visits_of(plate.sightings, state.clock.rules)
            revisions += [
                VisitThen(visit.id, None, visit.entry, visit.exit) for visit in visits if visit.id in plate.pending
            ]
        return sorted(revisions, key=_begin)


def in_order(cars: list[InsideThen]) -> list[InsideThen]:
    """Return *cars*, those that came first first."""
    return sorted(cars, key=lambda car: (car.entry.at_us, car.plate))


def _begin(visit: VisitThen) -> tuple[int, str]:
    first = visit.entry or visit.exit
    return first.at_us if first else 0, visit.visit_id

"""What we knew then: the log up to a position, folded, whatever has come to light since."""

from typing import NamedTuple

from msgspec import structs
from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Spoken
from parkstream_visits.fold import Fact
from parkstream_visits.in_memory import InMemory
from parkstream_visits.plate_visits import Seen, visits_of


class VisitThen(NamedTuple):
    """A visit as it was: ``outcome`` is None when it had not ended, or nothing had been said of it."""

    visit_id: str
    outcome: Outcome | None
    entry: Seen | None
    exit: Seen | None
    revision: int = 0
    superseded_by: str | None = None


class InsideThen(NamedTuple):
    """A car that was inside, and its entry."""

    plate: str
    entry: Seen


class Known:
    """Takes in the log up to a position; remembers all that was said of *plate*, final or not."""

    def __init__(self, plate: str | None = None) -> None:
        self._memory = InMemory()
        self._plate = plate
        self._said: dict[str, Spoken] = {}

    def take(self, fact: Fact) -> None:
        """Take in the next fact of the log."""
        for spoken in self._memory.take(fact):
            if spoken.plate == self._plate:
                self._said[spoken.visit_id] = spoken

    def counters(self) -> dict[str, int]:
        """Return what the log amounted to."""
        return structs.asdict(self._memory.state.clock.counters)

    def inside(self) -> list[InsideThen]:
        """Return the cars that were inside as far as was known, those that came first first."""
        state = self._memory.state
        plates = ((name, plate) for name, plate in state.plates.items() if plate.inside)
        cars = ((name, visits_of(plate.seen, state.clock.rules)[-1].entry) for name, plate in plates)
        return in_order([InsideThen(name, entry) for name, entry in cars if entry is not None])

    def visits(self) -> list[VisitThen]:
        """Return what was said last of each of the plate's visits, and those that nothing was said of yet."""
        said = [
            VisitThen(one.visit_id, one.outcome, one.entry, one.exit, one.revision, one.superseded_by)
            for one in self._said.values()
        ]
        state = self._memory.state
        plate = state.plates.get(self._plate or "")
        if plate is not None:
            visits = visits_of(plate.seen, state.clock.rules)
            said += [VisitThen(visit.id, None, visit.entry, visit.exit) for visit in visits if visit.id in plate.held]
        return sorted(said, key=_begin)


def in_order(cars: list[InsideThen]) -> list[InsideThen]:
    """Return *cars*, those that came first first."""
    return sorted(cars, key=lambda car: (car.entry.at_us, car.plate))


def _begin(visit: VisitThen) -> tuple[int, str]:
    first = visit.entry or visit.exit
    return first.at_us if first else 0, visit.visit_id

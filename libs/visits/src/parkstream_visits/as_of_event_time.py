"""What was true then, by all that has come to light since.

What is true at a time T is a function of a set of sightings, as visits are: those that

- happened at T or before,
- were recorded before the log had passed T by ``finality``, because what happened by T is final from then on, and
- were not too late themselves (recorded more than ``finality`` after they happened),

each under the rules that were in force when it was recorded. The rules pair that set into visits. A car is inside at T
when its last sighting in the set is an entry, or the duplicate read of one, not more than ``max_stay`` before T. Every
other visit without an exit is ``exit_missed``, every exit without an entry ``entry_missed``, emitted or not yet.

The counters follow from the visits, so they count no revisions and nothing that waits. The state is bounded as the live
one is: the set goes through the same fold, with the watermark limited to T.
"""

from bisect import bisect_left
from typing import Final

from msgspec import structs
from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited, microseconds
from parkstream_events.summaries import Outcome

from parkstream_visits.as_of_recorded_time import InsideThen, VisitThen, in_order
from parkstream_visits.in_memory import InMemory
from parkstream_visits.plate_visits import PlateSighting, Visit, plate_sighting_of, visits_of
from parkstream_visits.recorded_event import RecordedEvent

COUNTED: Final = (
    "entered",
    "exited",
    "duplicate_entries",
    "duplicate_exits",
    "inside",
    "completed",
    "entry_missed",
    "exit_missed",
)


class AsOfEventTime:
    """Takes in the log until nothing more can matter to *at_us*; remembers all sightings of *plate*."""

    def __init__(self, at_us: int, plate: str | None = None) -> None:
        self._at_us = at_us
        self._memory = InMemory()
        self._plate = plate
        self._sightings: list[PlateSighting] = []
        self.final = False
        """Whether nothing that is recorded later can change the answer."""

    def resume(self, memory: InMemory) -> None:
        """Go on from *memory*, into which nothing went that happened later; the plate was not seen meanwhile."""
        self._memory = memory

    def take(self, recorded: RecordedEvent) -> bool:
        """Take in the next record of the log; False when neither it nor any later one matters."""
        rules = self._memory.state.clock.rules[-1]
        if recorded.recorded_at_us > self._at_us + rules.finality_us:
            self.final = True
            return False
        event = recorded.event
        match event:
            case VehicleEntered() | VehicleExited():
                happened_us = microseconds(event.event_time)
                if happened_us > self._at_us:
                    return True
                if event.vehicle_plate == self._plate and happened_us + rules.finality_us >= recorded.recorded_at_us:
                    self._remember(event, recorded)
            case WatermarkAdvanced():
                recorded = recorded._replace(event=structs.replace(event, to_us=min(event.to_us, self._at_us)))
            case _:
                pass
        self._memory.take(recorded)
        return True

    def _remember(self, event: Sighting, recorded: RecordedEvent) -> None:
        rules = len(self._memory.state.clock.rules) - 1
        sighting = plate_sighting_of(event, recorded, rules)
        where = bisect_left(self._sightings, sighting.key)
        if self._sightings[where : where + 1] == [] or self._sightings[where].key != sighting.key:
            self._sightings.insert(where, sighting)

    def counters(self) -> dict[str, int]:
        """Return how many sightings and visits there were, by outcome."""
        counters = structs.asdict(self._memory.state.clock.counters)
        counters["inside"] = 0
        for _, visit, is_inside in self._pending():
            counters["inside" if is_inside else str(visit.outcome)] += 1
        return {name: counters[name] for name in COUNTED}

    def inside(self) -> list[InsideThen]:
        """Return the cars that were inside, those that came first first."""
        inside = [(name, visit.entry) for name, visit, is_inside in self._pending() if is_inside]
        return in_order([InsideThen(name, entry) for name, entry in inside if entry is not None])

    def visits(self) -> list[VisitThen]:
        """Return the plate's visits; one that has no outcome had not ended."""
        visits = visits_of(self._sightings, self._memory.state.clock.rules)
        return [VisitThen(visit.id, self._outcome(visit, visits), visit.entry, visit.exit) for visit in visits]

    def _pending(self) -> list[tuple[str, Visit, bool]]:
        """Return the plate, the visit, and whether it went on, of visits that the fold has not emitted yet."""
        found: list[tuple[str, Visit, bool]] = []
        state = self._memory.state
        for name, plate in state.plates.items():
            if plate.pending:
                visits = visits_of(plate.sightings, state.clock.rules)
                unsaid = [visit for visit in visits if visit.id in plate.pending]
                found += [(name, visit, self._outcome(visit, visits) is None) for visit in unsaid]
        return found

    def _outcome(self, visit: Visit, visits: list[Visit]) -> Outcome | None:
        """Return how *visit* had ended, None when it had not."""
        went_on = visit.outcome == Outcome.EXIT_MISSED and visit is visits[-1] and visit.due_us >= self._at_us
        return None if went_on else visit.outcome

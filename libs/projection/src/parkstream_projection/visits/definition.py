"""Visits as a projection: plates are the entities, and the rules of ``parkstream_visits`` fold them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from parkstream_events.decisions import VisitsRestated
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_visits import RULES_VERSION, Clock, Emitted, Fold, Plate, RecordedEvent, State, Timer, reach
from parkstream_visits.fold import FORGOTTEN_PER_RECORD_MAX

from parkstream_projection.codec import aside_of, decode_clock, decode_plate, item_of, recorded_event_of
from parkstream_projection.definition import SEPARATOR, Item
from parkstream_projection.projector import Projector, Step


class VisitsPart:
    """The plates that a batch of events may touch."""

    def __init__(self, clock: Clock) -> None:
        self._state = State(clock)
        self.entities: Final = self._state.plates
        fold = Fold(self._state)
        self.fold: Final = fold.fold
        self.take_touched: Final = fold.take_touched

    def wait(self, due: Sequence[Sequence[str]]) -> None:
        """See ``Part.wait``."""
        plates = self.entities
        *watermarks, forgetting = self._state.timers
        for queue, members in zip(watermarks, due, strict=False):
            for member in members:
                name, visit_id = member.split(SEPARATOR, 1)
                queue.load(plates[name].pending[visit_id][1], member)  # A score is a float, this is exact.
        for name in due[Timer.FORGETTING]:
            forgetting.load(plates[name].keep_until_us, name)

    def take_timers(self) -> Sequence[tuple[Mapping[str, int], Sequence[str]]]:
        """See ``Part.take_timers``."""
        return [queue.take_changes() for queue in self._state.timers]


class Visits:
    """See ``Definition``."""

    def __init__(self) -> None:
        self.rules_version: Final = RULES_VERSION
        self.entities: Final = "plates"
        self.timers: Final = tuple(f"timers:{way.value}" for way in Timer)
        self.due_max: Final = FORGOTTEN_PER_RECORD_MAX + 1
        """Those that a record may forget, and the one that it may move out of their way."""
        self.new_clock: Final = Clock
        self.decode_clock: Final = decode_clock
        self.aside_of: Final = aside_of
        self.decode_entity: Final = decode_plate
        self.event_of: Final = recorded_event_of

    def names_in(self, event: RecordedEvent) -> Iterable[str]:
        """See ``Definition.names_in``."""
        match event.event:
            case VehicleEntered() | VehicleExited():
                return (event.event.vehicle_plate,)
            case VisitsRestated():
                return [visit.vehicle_plate for visit in event.event.visits]
            case _:
                return ()

    def stands_alone(self, event: RecordedEvent) -> bool:
        """See ``Definition.stands_alone``."""
        return isinstance(event.event, VisitsRestated)

    def due_through(self, events: Sequence[RecordedEvent], clock: Clock) -> Sequence[int]:
        """See ``Definition.due_through``."""
        return reach(events, clock)

    def part(self, clock: Clock) -> VisitsPart:
        """See ``Definition.part``."""
        return VisitsPart(clock)

    def item_of(self, revision: Emitted) -> Item:
        """See ``Definition.item_of``."""
        traceparent = None if revision.restated else revision.cause.traceparent
        return Item(revision.visit_id, revision.revision, item_of(revision), traceparent)


VISITS: Final = Visits()
VisitsProjector = Projector[Clock, Plate, RecordedEvent, Emitted]
VisitsStep = Step[RecordedEvent, Emitted]

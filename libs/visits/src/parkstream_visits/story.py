"""One plate's story out of the records of a log: its visits, what was emitted of them, and why.

The fold is the real one, on a state that holds no other plate; of other plates' sightings it needs only how far they
move the watermarks. What was recorded before a time cannot move one beyond it, so most records are not needed:
``needed_from_us`` returns which are.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct
from parkstream_events.decisions import RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited, microseconds
from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Emitted
from parkstream_visits.fold import Fold
from parkstream_visits.judgement import Judged, Rule, judged
from parkstream_visits.plate_visits import PlateSighting, Visit, plate_sighting_of, visits_of
from parkstream_visits.recorded_event import RecordedEvent
from parkstream_visits.rules import Rules
from parkstream_visits.state import Clock, Counters, Plate, State


class Because(StrEnum):
    """Why a revision was emitted, and not before."""

    COMPLETE = "rests_on_what_was_seen"
    OVERDUE = "already_overdue"
    CAUGHT_UP = "watermark_passed"
    SILENCE = "silence"
    HOLD_MAX = "held_too_long"
    RULES_CHANGED = "rules_changed"
    CORRECTED = "corrected"
    SUPERSEDED = "superseded"
    RESTATED = "restated"


class Pending(Struct, frozen=True):
    """A visit that waits, since the record at *since*, until direction *waits_for* has reported beyond ``due_us``."""

    since: int
    waits_for: int
    due_us: int
    lateness_us: int


class Revision(Struct, frozen=True):
    """What was emitted of a visit, because of the record *by*; *pending* when it had waited."""

    emitted: Emitted
    because: Because
    by: RecordedEvent
    pending: Pending | None = None


class VisitStory(Struct, frozen=True):
    """A visit and its revisions; *visit* is None when the rules do not produce it any more."""

    id: str
    visit: Visit | None
    revisions: list[Revision]
    pending: Pending | None = None


class Story(Struct, frozen=True):
    """A plate's visits and sightings, as the records give them."""

    plate: str
    sightings: list[Judged]
    """In the order they happened; those that changed nothing come last, in the order of the log."""
    visits: list[VisitStory]
    recorded_us: dict[int, int]
    """By position, when each of the sightings was recorded."""


class StoryFold:
    """Takes in records, in the order of the log, and makes the story of the plate *name*.

    *rules*: those that were ever in force up to the first record.
    """

    def __init__(self, name: str, rules: Sequence[Rules]) -> None:
        self.name = name
        self._fold = Fold(State(Clock(rules=list(rules))))
        self._sightings: dict[tuple[int, int, str], PlateSighting] = {}
        self._ignored: list[Judged] = []
        self._recorded: dict[int, int] = {}
        self._revisions: list[Revision] = []
        self._pending: dict[str, Pending] = {}

    @property
    def rules(self) -> list[Rules]:
        """All rules so far; the last are in force."""
        return self._fold.state.clock.rules

    @property
    def recorded_at_us(self) -> int:
        """How far the log has been taken in."""
        return self._fold.state.clock.recorded_at_us

    @property
    def last_us(self) -> int | None:
        """When the last sighting of the plate happened, None before there was one."""
        return max(self._sightings)[0] if self._sightings else None

    def take(self, recorded: RecordedEvent) -> None:
        """Take in *recorded*, the next that is needed."""
        event = recorded.event
        if not isinstance(event, VehicleEntered | VehicleExited):
            self._emit(recorded, self._fold.fold(recorded))
        elif event.vehicle_plate == self.name:
            self._see(recorded, event)
        elif revisions := self._fold.pass_by(recorded, event.direction, microseconds(event.event_time)):
            self._emit(recorded, revisions)

    def needed_from_us(self, to_come: Iterable[PlateSighting] = ()) -> int | None:
        """Return from which recorded time on records are needed, None when no more are.

        Beside those of the plate's own sightings, all of which are *to_come*; and while the rules stay as they are.
        """
        lateness_us = self.rules[-1].allowed_lateness_us
        waits = [pending.due_us + lateness_us for pending in self._pending.values()]
        return min([*waits, *(sighting.at_us for sighting in to_come)], default=None)

    def agrees_with(self, plate: Plate) -> bool:
        """Return whether all that was emitted of the *plate* is in the story: else a needed record was left out.

        A decision may restate a visit at any time.
        """
        known = {revision.emitted.visit_id: revision.emitted.revision for revision in self._revisions}
        return all(known.get(visit_id, 0) >= last.revision for visit_id, last in plate.emitted.items())

    def story(self) -> Story:
        """Return the story so far."""
        sightings = [self._sightings[key] for key in sorted(self._sightings)]
        by_visit: dict[str, list[Revision]] = {}
        for revision in self._revisions:
            by_visit.setdefault(revision.emitted.visit_id, []).append(revision)
        visits = [
            VisitStory(visit.id, visit, by_visit.pop(visit.id, []), self._pending.get(visit.id))
            for visit in visits_of(sightings, self.rules)
        ]
        gone = [VisitStory(id_, None, revisions) for id_, revisions in by_visit.items()]
        return Story(self.name, judged(sightings, self.rules) + self._ignored, visits + gone, self._recorded)

    def _see(self, recorded: RecordedEvent, event: Sighting) -> None:
        rules = self.rules
        self._recorded[recorded.position] = recorded.recorded_at_us
        sighting = plate_sighting_of(
            event, len(rules) - 1, recorded.position, recorded.published_at_us, recorded.traceparent
        )
        counters = self._fold.state.clock.counters
        too_late, taken = _too_late(counters), _taken(counters)
        revisions = self._fold.fold(recorded)
        if _too_late(counters) > too_late:
            self._ignored.append(Judged(sighting, Rule.TOO_LATE, limit_us=sighting.at_us + rules[-1].finality_us))
        elif _taken(counters) == taken:
            self._ignored.append(Judged(sighting, Rule.REPEATED, other=self._sightings.get(sighting.key)))
        else:
            self._sightings[sighting.key] = sighting
        self._emit(recorded, revisions)

    def _emit(self, recorded: RecordedEvent, revisions: list[Emitted]) -> None:
        for emitted in (one for one in revisions if one.plate == self.name):
            self._revisions.append(
                Revision(emitted, _because(emitted, recorded), recorded, self._pending.get(emitted.visit_id))
            )
        plate = self._fold.state.plates.get(self.name)
        lateness_us = self.rules[-1].allowed_lateness_us
        self._pending = {
            id_: Pending(
                self._pending[id_].since if id_ in self._pending else recorded.position, way, due_us, lateness_us
            )
            for id_, (way, due_us) in (plate.pending if plate else {}).items()
        }


def _too_late(counters: Counters) -> int:
    return counters.too_late_entries + counters.too_late_exits


def _taken(counters: Counters) -> int:
    return counters.entered + counters.exited


def _because(emitted: Emitted, recorded: RecordedEvent) -> Because:
    event = recorded.event
    if emitted.restated:
        return Because.RESTATED
    if emitted.outcome is Outcome.RETRACTED:
        return Because.SUPERSEDED
    if emitted.revision > 1:
        return Because.CORRECTED
    if emitted.cause.position == recorded.position:
        return Because.COMPLETE if emitted.outcome is Outcome.COMPLETED else Because.OVERDUE
    if isinstance(event, WatermarkAdvanced):
        return Because.SILENCE if event.because == "silence" else Because.HOLD_MAX
    return Because.RULES_CHANGED if isinstance(event, RulesChanged) else Because.CAUGHT_UP

"""One plate's story out of the records of a log: its visits, what was emitted of them, and why.

The fold is the real one, on a state that holds no other plate. When a pending visit was emitted depends on every gate,
so the whole log must be taken in, unless the projection remembers at which record that was.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct
from parkstream_events.decisions import Reason, RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Emitted
from parkstream_visits.fold import Fold
from parkstream_visits.judgement import Judged, Rule, judged
from parkstream_visits.plate_visits import PlateSighting, Visit, plate_sighting_of, visits_of
from parkstream_visits.recorded_event import RecordedEvent
from parkstream_visits.rules import Rules
from parkstream_visits.state import Counters, Plate, State


class Because(StrEnum):
    """Why a revision was emitted, and not before."""

    COMPLETE = "rests_on_what_was_seen"
    OVERDUE = "already_overdue"
    CAUGHT_UP = "watermark_passed"
    SILENCE = "silence"
    BEHIND = "behind"
    HOLD_MAX = "pending_too_long"
    RULES_CHANGED = "rules_changed"
    CORRECTED = "corrected"
    SUPERSEDED = "superseded"
    RESTATED = "restated"


class Pending(Struct, frozen=True):
    """A visit that waits, since the record at *since*, until every gate has reported beyond ``due_us``.

    *waits_for*: the direction whose sighting is missing.
    """

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
    """Takes in the records of a log, in order and from the first one on, and makes the story of the plate *name*."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._fold = Fold(State())
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

    def take(self, recorded: RecordedEvent) -> None:
        """Take in *recorded*, the next record."""
        event = recorded.event
        if not isinstance(event, VehicleEntered | VehicleExited):
            self._note(recorded, self._fold.fold(recorded))
        elif event.vehicle_plate == self.name:
            self._see(recorded, plate_sighting_of(event, recorded, len(self.rules) - 1))
        elif revisions := self._fold.pass_by(recorded, event):
            self._note(recorded, revisions)

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

    def _see(self, recorded: RecordedEvent, sighting: PlateSighting) -> None:
        self._recorded[recorded.position] = recorded.recorded_at_us
        counters = self._fold.state.clock.counters
        before = _counted(counters)
        revisions = self._fold.see(self.name, sighting)
        taken, too_late, too_many = (now - was for now, was in zip(_counted(counters), before, strict=True))
        if too_late:
            limit_us = sighting.at_us + self.rules[-1].finality_us
            self._ignored.append(Judged(sighting, Rule.TOO_LATE, limit_us=limit_us))
        elif too_many:
            self._ignored.append(Judged(sighting, Rule.TOO_MANY))
        elif not taken:
            self._ignored.append(Judged(sighting, Rule.REPEATED, other=self._sightings.get(sighting.key)))
        else:
            self._sightings[sighting.key] = sighting
        self._note(recorded, revisions)

    def _note(self, recorded: RecordedEvent, revisions: list[Emitted]) -> None:
        for emitted in (one for one in revisions if one.plate == self.name):
            self._revisions.append(
                Revision(emitted, _because(emitted, recorded), recorded, self._pending.get(emitted.visit_id))
            )
        plate = self._fold.state.plates.get(self.name)
        lateness_us = self.rules[-1].allowed_lateness_us
        self._pending = {
            id_: Pending(
                self._pending[id_].since if id_ in self._pending else recorded.position, timer, due_us, lateness_us
            )
            for id_, (timer, due_us) in (plate.pending if plate else {}).items()
        }


class RememberedStory(StoryFold):
    """The story of a plate that is remembered, out of the few records at its ``positions``; take in these, in order.

    *rules*: all that were ever in force. Where a revision before the last was emitted is not remembered: ``is_whole``
    is false then.
    """

    def __init__(self, name: str, plate: Plate, rules: Sequence[Rules]) -> None:
        super().__init__(name)
        self._plate = plate
        self._all_rules = list(rules)
        self._fold.state.clock.gates.stop()
        self._own = {sighting.position: sighting for sighting in plate.sightings}
        self._released: dict[int, list[str]] = {}
        for visit_id, last in plate.emitted.items():
            self._released.setdefault(last.position, []).append(visit_id)
        self.positions = sorted({*self._own, *self._released})

    @property
    def is_whole(self) -> bool:
        """Whether all that was emitted of the plate is in the story."""
        known = [(revision.emitted.visit_id, revision.emitted.revision) for revision in self._revisions]
        remembered = [(visit_id, last.revision) for visit_id, last in self._plate.emitted.items()]
        return sorted(known) == sorted(remembered) and all(revision == 1 for _, revision in remembered)

    def take(self, recorded: RecordedEvent) -> None:
        """Take in *recorded*, which is at the next of the ``positions``."""
        sighting, released = self._own.get(recorded.position), self._released.get(recorded.position, [])
        plate = self._fold.state.plates.get(self.name, Plate())
        if sighting is None:
            for visit_id in released:
                if visit_id in plate.pending:
                    self._note(recorded, self._fold.release(self.name, visit_id, recorded.position))
            return
        self.rules[:] = self._all_rules[: sighting.rules + 1]
        gates = self._fold.state.clock.gates
        visits = visits_of(sorted([*plate.sightings, sighting]), self.rules)
        dues_us = [visit.due_us for visit in visits if visit.id in released and visit.waits_for is not None]
        stopped_us = gates.watermark_us
        gates.watermark_us = max(dues_us, default=stopped_us) + self.rules[-1].allowed_lateness_us + 1
        self._see(recorded, sighting)
        gates.watermark_us = stopped_us

    def story(self) -> Story:
        """Return the story, under all rules."""
        self.rules[:] = self._all_rules
        return super().story()


def _counted(counters: Counters) -> tuple[int, int, int]:
    """Return how many sightings were taken in, too late, and too many."""
    return (
        counters.entered + counters.exited,
        counters.too_late_entries + counters.too_late_exits,
        counters.too_many_entries + counters.too_many_exits,
    )


_DECIDED: Final[dict[Reason, Because]] = {
    "silence": Because.SILENCE,
    "behind": Because.BEHIND,
    "hold_max": Because.HOLD_MAX,
}


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
        return _DECIDED[event.because]
    return Because.RULES_CHANGED if isinstance(event, RulesChanged) else Because.CAUGHT_UP

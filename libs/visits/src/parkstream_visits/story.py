"""One plate's story out of the facts of a log: its visits, what was said of them, and why.

The fold is the real one, on a state that holds no other plate; of other plates' sightings it needs only how far they
move the watermarks. What was recorded before a time cannot move one beyond it, so most facts need not be taken at all:
``needed_from_us`` says which.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct
from parkstream_events.decisions import RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited, microseconds
from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Spoken
from parkstream_visits.fold import Fact, Fold
from parkstream_visits.judgement import Judged, Rule, judged
from parkstream_visits.plate_visits import Seen, Visit, visits_of
from parkstream_visits.rules import Rules
from parkstream_visits.state import Clock, Counters, Plate, State


class Because(StrEnum):
    """Why a revision was said, and not before."""

    COMPLETE = "rests_on_what_was_seen"
    OVERDUE = "already_overdue"
    CAUGHT_UP = "watermark_passed"
    SILENCE = "silence"
    HOLD_MAX = "held_too_long"
    RULES_CHANGED = "rules_changed"
    CORRECTED = "corrected"
    SUPERSEDED = "superseded"
    RESTATED = "restated"


class Held(Struct, frozen=True):
    """A visit that waits, since the record at *since*, until direction *waits_for* has reported beyond ``due_us``."""

    since: int
    waits_for: int
    due_us: int
    lateness_us: int


class Revision(Struct, frozen=True):
    """What was said of a visit, because of the record *by*; *held* when it had waited."""

    spoken: Spoken
    because: Because
    by: Fact
    held: Held | None = None


class Told(Struct, frozen=True):
    """A visit and its revisions; *visit* is None when the rules do not produce it any more."""

    id: str
    visit: Visit | None
    revisions: list[Revision]
    held: Held | None = None


class Story(Struct, frozen=True):
    """All that the facts tell of a plate."""

    plate: str
    sightings: list[Judged]
    """In the order they happened; those that changed nothing come last, in the order of the log."""
    visits: list[Told]
    recorded_us: dict[int, int]
    """By position, when each of the sightings was recorded."""


class Telling:
    """Takes in facts, in the order of the log, and tells the story of the plate *name*.

    *rules*: those that were ever in force up to the first fact.
    """

    def __init__(self, name: str, rules: Sequence[Rules]) -> None:
        self.name = name
        self._fold = Fold(State(Clock(rules=list(rules))))
        self._seen: dict[tuple[int, int, str], Seen] = {}
        self._ignored: list[Judged] = []
        self._recorded: dict[int, int] = {}
        self._revisions: list[Revision] = []
        self._held: dict[str, Held] = {}

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
        """When the plate was seen last, None before it was."""
        return max(self._seen)[0] if self._seen else None

    def take(self, fact: Fact) -> None:
        """Take in *fact*, the next that is needed."""
        event = fact.event
        if not isinstance(event, VehicleEntered | VehicleExited):
            self._say(fact, self._fold.fold(fact))
        elif event.vehicle_plate == self.name:
            self._see(fact, event)
        elif said := self._fold.pass_by(fact, event.direction, microseconds(event.happened_at)):
            self._say(fact, said)

    def needed_from_us(self, to_come: Iterable[Seen] = ()) -> int | None:
        """Return from which recorded time on facts are needed, None when no more are.

        Beside those of the plate's own sightings, all of which are *to_come*; and while the rules stay as they are.
        """
        lateness_us = self.rules[-1].allowed_lateness_us
        waits = [held.due_us + lateness_us for held in self._held.values()]
        return min([*waits, *(seen.at_us for seen in to_come)], default=None)

    def agrees_with(self, plate: Plate) -> bool:
        """Return whether all that is remembered as said of the *plate* was told: else a needed fact was left out.

        A decision may restate a visit at any time, and nothing tells when.
        """
        told = {revision.spoken.visit_id: revision.spoken.revision for revision in self._revisions}
        return all(told.get(visit_id, 0) >= said.revision for visit_id, said in plate.said.items())

    def story(self) -> Story:
        """Return what was told so far."""
        sightings = [self._seen[key] for key in sorted(self._seen)]
        said: dict[str, list[Revision]] = {}
        for revision in self._revisions:
            said.setdefault(revision.spoken.visit_id, []).append(revision)
        visits = [
            Told(visit.id, visit, said.pop(visit.id, []), self._held.get(visit.id))
            for visit in visits_of(sightings, self.rules)
        ]
        gone = [Told(id_, None, revisions) for id_, revisions in said.items()]
        return Story(self.name, judged(sightings, self.rules) + self._ignored, visits + gone, self._recorded)

    def _see(self, fact: Fact, event: Sighting) -> None:
        at_us, rules = microseconds(event.happened_at), self.rules
        self._recorded[fact.position] = fact.recorded_at_us
        seen = Seen(
            at_us, event.direction, event.id, len(rules) - 1, fact.position, fact.published_at_us, fact.traceparent
        )
        counters = self._fold.state.clock.counters
        too_late, taken = _too_late(counters), _taken(counters)
        said = self._fold.fold(fact)
        if _too_late(counters) > too_late:
            self._ignored.append(Judged(seen, Rule.TOO_LATE, limit_us=at_us + rules[-1].finality_us))
        elif _taken(counters) == taken:
            self._ignored.append(Judged(seen, Rule.REPEATED, other=self._seen.get(seen[:3])))
        else:
            self._seen[seen[:3]] = seen
        self._say(fact, said)

    def _say(self, fact: Fact, said: list[Spoken]) -> None:
        for spoken in (one for one in said if one.plate == self.name):
            self._revisions.append(Revision(spoken, _because(spoken, fact), fact, self._held.get(spoken.visit_id)))
        plate = self._fold.state.plates.get(self.name)
        lateness_us = self.rules[-1].allowed_lateness_us
        self._held = {
            id_: Held(self._held[id_].since if id_ in self._held else fact.position, way, due_us, lateness_us)
            for id_, (way, due_us) in (plate.held if plate else {}).items()
        }


def _too_late(counters: Counters) -> int:
    return counters.too_late_entries + counters.too_late_exits


def _taken(counters: Counters) -> int:
    return counters.entered + counters.exited


def _because(spoken: Spoken, fact: Fact) -> Because:
    event = fact.event
    if spoken.restated:
        return Because.RESTATED
    if spoken.outcome is Outcome.RETRACTED:
        return Because.SUPERSEDED
    if spoken.revision > 1:
        return Because.CORRECTED
    if spoken.cause.position == fact.position:
        return Because.COMPLETE if spoken.outcome is Outcome.COMPLETED else Because.OVERDUE
    if isinstance(event, WatermarkAdvanced):
        return Because.SILENCE if event.because == "silence" else Because.HOLD_MAX
    return Because.RULES_CHANGED if isinstance(event, RulesChanged) else Because.CAUGHT_UP

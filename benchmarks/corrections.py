"""Why each summary was corrected, by the log alone: what is known of the gate whose sighting corrected it.

A ``completed`` visit may always be corrected. Another was reported because the watermark had passed; so the gate that
corrects it was not waited for just then, and here is why.
"""

from bisect import bisect_right
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from parkstream_events import decisions
from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds
from parkstream_events.summaries import Outcome
from parkstream_visits import Emitted, Fold, RecordedEvent, State
from parkstream_visits.gates import GateStatus

Gate = tuple[int, str]
"""Direction and name."""


class Reason(StrEnum):
    """Why a summary could be corrected."""

    COMPLETED = "completed"
    """It was completed, or retracted: it rested on sightings that exist."""
    NEW = "new"
    """The gate had not reported, or not caught up yet."""
    SILENT = "silent"
    BEHIND = "behind"
    HOLD_MAX = "hold_max"
    """It was waited for as long as a visit may be pending."""
    OVERTAKEN = "overtaken"
    """What was seen later at the same gate, by more than the lateness, was recorded first."""
    UNEXPLAINED = "unexplained"
    """It counted, or was silent for less than the grace: it should have been waited for."""


IDLE = {GateStatus.SILENT: Reason.SILENT, GateStatus.BEHIND: Reason.BEHIND, GateStatus.LATE: Reason.NEW}


class Known(NamedTuple):
    """What was known of the gates when the watermark moved."""

    idle: dict[Gate, Reason]
    marks: dict[Gate, int]
    """How far each had reported by itself."""
    waited: dict[Gate, int]
    """Up to what each was waited for as long as a visit may be pending."""

    def reason(self, gate: Gate, needed_us: int) -> Reason:
        """Return why *gate* did not keep the watermark from passing *needed_us*."""
        if gate in self.idle or gate not in self.marks:
            return self.idle.get(gate, Reason.NEW)
        if self.marks[gate] > needed_us:
            return Reason.OVERTAKEN
        return Reason.HOLD_MAX if self.waited.get(gate, 0) > needed_us else Reason.UNEXPLAINED


class Correction(NamedTuple):
    """A revision in place of another; *cause* is the record of the sighting that corrects."""

    visit_id: str
    was: Outcome
    now: Outcome
    gate: str
    reason: Reason
    cause: RecordedEvent


def corrections(log: Iterable[RecordedEvent]) -> list[Correction]:
    """Fold a *log* from its beginning, and return what was corrected, in its order."""
    seen = _Gates()
    return [correction for recorded in log for correction in seen.take(recorded)]


class _Gates:
    """The fold, and what was known of the gates whenever the watermark moved."""

    def __init__(self) -> None:
        self._fold = Fold(State())
        self._now = Known({}, {}, {})
        self._reported: dict[Gate, int] = {}
        """When the last sighting of each was recorded."""
        self._watermarks: list[int] = []
        self._known: list[Known] = []
        """At each watermark."""
        self._last: dict[str, tuple[Outcome, int]] = {}
        """Visit to the outcome that was emitted last, and what the watermark had to pass first."""

    def take(self, recorded: RecordedEvent) -> list[Correction]:
        """Fold *recorded* and return what it corrects."""
        emitted = self._fold.fold(recorded)
        match recorded.event:
            case (VehicleEntered() | VehicleExited()) as event:
                gate, at_us = (int(event.direction), event.gate or ""), microseconds(event.event_time)
                self._reported[gate] = recorded.recorded_at_us
                self._now.marks[gate] = max(self._now.marks.get(gate, 0), min(at_us, recorded.recorded_at_us))
            case WatermarkAdvanced(because="hold_max") as decision:
                self._now.waited.update((_gate(one), decision.to_us) for one in decision.gates)
            case _:
                pass
        self._look(recorded.recorded_at_us)
        found = [self._corrected(one, recorded) for one in emitted if one.revision > 1]
        for one in emitted:
            self._last[one.visit_id] = one.outcome, self._needed_us(one)
        return found

    def _look(self, now_us: int) -> None:
        gates, idle = self._fold.state.clock.gates, self._now.idle
        for name, gate in gates.all():
            key = _gate(name)
            if gate.status is GateStatus.COUNTED:
                idle.pop(key, None)
            elif key not in idle:
                idle[key] = self._why(gate.status, now_us - self._reported.get(key, 0))
            elif gate.status is GateStatus.BEHIND:
                idle[key] = Reason.BEHIND
        if not self._watermarks or gates.watermark_us > self._watermarks[-1]:
            self._watermarks.append(gates.watermark_us)
            self._known.append(Known(*(one.copy() for one in self._now)))

    def _why(self, status: GateStatus, quiet_us: int) -> Reason:
        """Return why a gate of *status* does not count any more, *quiet_us* after its last report."""
        is_early = status is GateStatus.SILENT and quiet_us < self._fold.state.clock.rules[-1].silence_grace_us
        return Reason.UNEXPLAINED if is_early else IDLE[status]

    def _needed_us(self, one: Emitted) -> int:
        """Return what the watermark had to pass before *one* could be emitted, unless it was at once."""
        due = [visit.due_us for visit in self._fold.visits(one.plate) if visit.id == one.visit_id]
        return sum(due) + self._fold.state.clock.rules[-1].allowed_lateness_us

    def _corrected(self, one: Emitted, recorded: RecordedEvent) -> Correction:
        event = recorded.event
        assert isinstance(event, VehicleEntered | VehicleExited), "only a sighting corrects"
        was, needed_us = self._last[one.visit_id]
        gate = int(event.direction), event.gate or ""
        reason = Reason.COMPLETED
        if was not in {Outcome.COMPLETED, Outcome.RETRACTED}:
            passed = bisect_right(self._watermarks, needed_us)
            reason = self._known[passed].reason(gate, needed_us)
        return Correction(one.visit_id, was, one.outcome, gate[1], reason, recorded)


def _gate(gate: decisions.Gate) -> Gate:
    return int(gate.direction), gate.name

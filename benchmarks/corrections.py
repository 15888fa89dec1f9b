"""Why each summary was corrected, by the log alone: what is known of the gate whose sighting corrected it.

A ``completed`` visit may always be corrected. Another was reported because the watermark had passed; so the gate that
corrects it was not waited for just then, and here is why.
"""

from bisect import bisect_right
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

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


IDLE = {GateStatus.SILENT: Reason.SILENT, GateStatus.BEHIND: Reason.BEHIND, GateStatus.LATE: Reason.NEW}


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
        self._marks: dict[Gate, int] = {}
        self._idle: dict[Gate, Reason] = {}
        self._watermarks: list[int] = []
        self._known: list[dict[Gate, Reason | int]] = []
        """At each watermark: why a gate did not count, or how far it had reported by itself."""
        self._last: dict[str, tuple[Outcome, int]] = {}
        """Visit to the outcome that was emitted last, and what the watermark had to pass first."""

    def take(self, recorded: RecordedEvent) -> list[Correction]:
        """Fold *recorded* and return what it corrects."""
        event = recorded.event
        if isinstance(event, VehicleEntered | VehicleExited):
            gate, at_us = (int(event.direction), event.gate or ""), microseconds(event.event_time)
            self._marks[gate] = max(self._marks.get(gate, 0), min(at_us, recorded.recorded_at_us))
        emitted = self._fold.fold(recorded)
        self._look()
        found = [self._corrected(one, recorded) for one in emitted if one.revision > 1]
        for one in emitted:
            self._last[one.visit_id] = one.outcome, self._needed_us(one)
        return found

    def _look(self) -> None:
        gates = self._fold.state.clock.gates
        for name, gate in gates.all():
            key = int(name.direction), name.name
            if gate.status is GateStatus.COUNTED:
                self._idle.pop(key, None)
            elif gate.status is not GateStatus.LATE or key not in self._idle:
                self._idle[key] = IDLE[gate.status]
        if not self._watermarks or gates.watermark_us > self._watermarks[-1]:
            self._watermarks.append(gates.watermark_us)
            self._known.append({**self._marks, **self._idle})

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
            known = self._known[passed].get(gate, Reason.NEW)
            reason = known if isinstance(known, Reason) else _of_counted(known, needed_us)
        return Correction(one.visit_id, was, one.outcome, gate[1], reason, recorded)


def _of_counted(mark_us: int, needed_us: int) -> Reason:
    return Reason.OVERTAKEN if mark_us > needed_us else Reason.HOLD_MAX

"""All the rules of visits in their slowest, plainest form: everything is worked out anew at each record.

It adds to the plain pairing what depends on the order of the log: gates that are learned, idle, behind and return,
finality, and the most sightings of a plate. An oracle for tests, not a template.
"""

from dataclasses import dataclass, field

from parkstream_events.decisions import RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds
from parkstream_visits import RecordedEvent

NAMED_MAX = 200


@dataclass(frozen=True, order=True)
class Seen:
    at: int
    way: int
    id: str
    known: int = field(compare=False)
    """When it happened, never later than its recording."""


@dataclass
class PlainGate:
    mark: int = 0
    position: int = 0
    recorded: int = 0
    late_since: int | None = None
    counts: bool = False
    behind: bool = False


@dataclass(frozen=True)
class PlainVisit:
    id: str
    outcome: str
    entry: Seen | None
    exit: Seen | None
    due: int | None
    """The time that all gates must have passed, and the lateness; None: at once."""


class Oracle:
    """Takes in a log under rules that never change; ``lines`` are all revisions, each with its record's position."""

    def __init__(self, sightings_max: int) -> None:
        self._sightings_max = sightings_max
        self._plates: dict[str, list[Seen]] = {}
        self._current: dict[str, tuple[int, tuple]] = {}
        self._gates = {(way, ""): PlainGate(counts=True) for way in (0, 1)}
        self._now = 0
        self.watermark = 0
        self.lines: list[tuple] = []
        self.too_late = self.too_many = self.void = 0

    def take(self, recorded: RecordedEvent) -> None:
        self._now = max(self._now, recorded.recorded_at_us)
        match recorded.event:
            case RulesChanged() as rules:
                self._rules = rules
            case VehicleEntered() | VehicleExited() as event:
                at, way = microseconds(event.event_time), int(event.direction)
                self._report(self._gate(way, event.gate or ""), at, recorded)
                self._see(event.vehicle_plate, Seen(at, way, event.id, min(at, recorded.recorded_at_us)), recorded)
            case WatermarkAdvanced() as decision:
                self._decide(decision, recorded)
        for plate in self._plates:
            self._emit(plate, recorded.position)

    def _gate(self, way: int, name: str) -> PlainGate:
        named = [key for key in self._gates if key[0] == way and key[1]]
        if (way, name) not in self._gates and len(named) >= NAMED_MAX:
            name = ""
        return self._gates.setdefault((way, name), PlainGate())

    def _report(self, gate: PlainGate, at: int, recorded: RecordedEvent) -> None:
        gate.position, gate.recorded = recorded.position, recorded.recorded_at_us
        gate.mark = max(gate.mark, min(at, recorded.recorded_at_us))
        if recorded.recorded_at_us - at <= self._rules.hold_max_us:
            gate.late_since, gate.behind = None, False
        elif gate.late_since is None:
            gate.late_since = recorded.recorded_at_us
        if not gate.behind and gate.mark >= self.watermark:
            gate.counts = True
        self._advance(None)

    def _advance(self, to: int | None) -> None:
        marks = [gate.mark for gate in self._gates.values() if gate.counts]
        reached = min(marks) if marks else to
        self.watermark = max(self.watermark, self.watermark if reached is None else reached)

    def _decide(self, decision: WatermarkAdvanced, recorded: RecordedEvent) -> None:
        keys = [(int(gate.direction), gate.name) for gate in decision.gates]
        gates = [self._gates[key] for key in keys if key in self._gates]
        to, grace = min(decision.to_us, recorded.recorded_at_us), self._rules.silence_grace_us
        behind = [g for g in gates if g.late_since is not None and g.recorded - g.late_since >= grace]
        is_void = {
            "silence": any(gate.position > decision.as_of_position for gate in gates),
            "behind": not behind,
            "hold_max": False,
        }
        if is_void[decision.because]:
            self.void += 1
            return
        for gate in gates:
            if decision.because == "silence":
                gate.counts = False
            elif decision.because == "behind" and gate in behind:
                gate.counts, gate.behind = False, True
            elif decision.because == "hold_max" and gate.counts:
                gate.mark = max(gate.mark, to)
        self._advance(to)

    def _see(self, plate: str, seen: Seen, recorded: RecordedEvent) -> None:
        if seen.at + self._rules.finality_us < recorded.recorded_at_us:
            self.too_late += 1
            return
        before = self._plates.setdefault(plate, [])
        if seen in before:
            return
        if len(self._not_final(plate)) >= self._sightings_max:
            self.too_many += 1
            return
        before.append(seen)

    def _not_final(self, plate: str) -> list[Seen]:
        """Return the sightings of *plate* without those of visits that are final: long before another began."""
        horizon = self._now - self._rules.finality_us - self._rules.duplicate_window_us
        visits, first = self._visits(plate), 0
        while first + 1 < len(visits):
            is_pending = visits[first].due is not None and visits[first].id not in self._current
            if is_pending or min(s for s in (visits[first + 1].entry, visits[first + 1].exit) if s).at >= horizon:
                break
            first += 1
        if not visits:
            return []
        begin = min(s for s in (visits[first].entry, visits[first].exit) if s)
        return [seen for seen in self._plates[plate] if seen >= begin]

    def _visits(self, plate: str) -> list[PlainVisit]:
        found: list[PlainVisit] = []
        last = inside = None
        for seen in sorted(self._plates[plate]):
            before, last = last, seen
            if before and before.way == seen.way and seen.at - before.at < self._rules.duplicate_window_us:
                continue
            if seen.way == 0:
                if inside:
                    found.append(self._missed(inside, seen.known))
                inside = seen
            elif inside and seen.at - inside.at <= self._rules.max_stay_us:
                found.append(PlainVisit(_id(seen), "completed", inside, seen, None))
                inside = None
            else:
                if inside:
                    found.append(self._missed(inside, None))
                inside = None
                found.append(PlainVisit(_id(seen), "entry_missed", None, seen, seen.known))
        return [*found, self._missed(inside, None)] if inside else found

    def _missed(self, entry: Seen, latest: int | None) -> PlainVisit:
        end = entry.known + self._rules.max_stay_us
        return PlainVisit(_id(entry), "exit_missed", entry, None, end if latest is None else min(end, latest))

    def _emit(self, plate: str, position: int) -> None:
        visits = self._visits(plate)
        now = {visit.id for visit in visits}
        for visit in visits:
            body = (visit.outcome, *(s and (s.at, s.id) for s in (visit.entry, visit.exit)))
            is_due = visit.due is None or self.watermark > visit.due + self._rules.allowed_lateness_us
            if visit.id in self._current:
                if self._current[visit.id][1] != (plate, *body):
                    self._line(plate, visit.id, body, position)
            elif is_due:
                self._line(plate, visit.id, body, position)
        for visit_id, (_, (owner, *body)) in list(self._current.items()):
            if owner == plate and visit_id not in now and body[0] != "retracted":
                self._line(plate, visit_id, ("retracted", None, None), position)

    def _line(self, plate: str, visit_id: str, body: tuple, position: int) -> None:
        revision = self._current.get(visit_id, (0,))[0] + 1
        self._current[visit_id] = (revision, (plate, *body))
        self.lines.append((position, plate, visit_id, revision, *body))


def _id(seen: Seen) -> str:
    return f"{('entry', 'exit')[seen.way]}:{seen.id}@{seen.at}"

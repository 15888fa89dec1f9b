"""Record by record: what is said of which visit, and when.

What rests on sightings that exist is said at once. What rests on something missing is said when the direction that
could still report it has caught up (its watermark passed the due time and the allowed lateness).
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct
from parkstream_events.decisions import Decision, RecordAcknowledged, RulesChanged, VisitsRestated, WatermarkAdvanced
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited, microseconds

from parkstream_visits.emitted import Spoken
from parkstream_visits.plate_ledger import Bookkeeping
from parkstream_visits.plate_visits import ENTRY, EXIT, Seen, Visit, visits_of
from parkstream_visits.restatement import restate
from parkstream_visits.rules import DAY_US, rules_of
from parkstream_visits.shortcuts import came_again, given_up, left, seen_first
from parkstream_visits.state import UNREADABLE_LISTED_MAX, Clock, Plate, State, UnreadableRecord
from parkstream_visits.timers import SEPARATOR, Agenda

FORGOTTEN_PER_RECORD_MAX = 8


class Unreadable(Struct, frozen=True):
    """A record that cannot be decoded: a no-op, listed in the state."""

    type: str
    reason: str
    detail: str


class Fact(NamedTuple):
    """A record of the log, decoded."""

    position: int
    recorded_at_us: int
    published_at_us: int | None
    traceparent: str | None
    event: Sighting | Decision | Unreadable


class MissingPlateError(KeyError):
    """An agenda named a plate that was not loaded: load what ``reach`` asks for before folding."""


def reach(facts: Iterable[Fact], clock: Clock) -> tuple[int, int, int]:
    """Return per agenda the time before which an item may come due while *facts* are folded.

    A store that keeps only a part in memory loads those items, and their plates, first.
    """
    marks = [*clock.watermarks]
    recorded = clock.recorded_at_us
    lateness = clock.rules[-1].allowed_lateness_us
    for fact in facts:
        recorded = max(recorded, fact.recorded_at_us)
        match fact.event:
            case VehicleEntered(entry_date_time=at):
                marks[ENTRY] = max(marks[ENTRY], min(microseconds(at), fact.recorded_at_us))
            case VehicleExited(exit_date_time=at):
                marks[EXIT] = max(marks[EXIT], min(microseconds(at), fact.recorded_at_us))
            case WatermarkAdvanced(direction=direction, to_us=to_us):
                marks[direction] = max(marks[direction], to_us)
            case RulesChanged(allowed_lateness_us=changed):
                lateness = min(lateness, changed)
            case _:
                pass
    return marks[ENTRY] - lateness, marks[EXIT] - lateness, recorded


class Fold:
    """Folds facts, in the order of the log, into a state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._clock = state.clock
        self._heaps = [agenda.heap for agenda in state.agendas]
        self._books = Bookkeeping(state)

    def take_touched(self) -> set[str]:
        """Return the plates that changed since the last call; a dropped one is not in the state any more."""
        touched, self._books.touched = self._books.touched, set()
        return touched

    def visits(self, name: str) -> list[Visit]:
        """Return the visits of the plate *name* that are not final yet, in the order they happened."""
        plate = self.state.plates.get(name)
        return [] if plate is None else visits_of(plate.seen, self.state.clock.rules)

    def fold(self, fact: Fact) -> list[Spoken]:
        """Take in *fact* and return what is said because of it."""
        position, recorded_at_us, published_at_us, traceparent, event = fact
        if isinstance(event, VehicleEntered):
            name, way, at_us = event.vehicle_plate, ENTRY, microseconds(event.entry_date_time)
        elif isinstance(event, VehicleExited):
            name, way, at_us = event.vehicle_plate, EXIT, microseconds(event.exit_date_time)
        else:
            return self._decide(position, recorded_at_us, event)
        rules = len(self._clock.rules) - 1
        return self.see(name, Seen(at_us, way, event.id, rules, position, published_at_us, traceparent), recorded_at_us)

    def see(self, name: str, seen: Seen, recorded_at_us: int) -> list[Spoken]:
        """Take in that *seen* was recorded of the plate *name*, under the rules in force; ``fold`` says the rest."""
        clock, books = self._clock, self._books
        at_us, way, _, _, position, _, _ = seen
        books.position = position
        said = books.said = []
        clock.recorded_at_us = max(clock.recorded_at_us, recorded_at_us)
        watermarks = clock.watermarks
        mark = min(recorded_at_us, at_us)
        watermarks[way] = max(watermarks[way], mark)
        if at_us + clock.rules[-1].finality_us < recorded_at_us:
            self._refuse(way)
        else:
            self._take(name, seen)
        self._settle()
        return said

    def pass_by(self, fact: Fact, way: int, at_us: int) -> list[Spoken]:
        """Take in a sighting of a plate that this state leaves out: all it does is to move a watermark."""
        clock, books = self._clock, self._books
        clock.recorded_at_us = max(clock.recorded_at_us, fact.recorded_at_us)
        to_us = min(at_us, fact.recorded_at_us)
        if to_us <= clock.watermarks[way]:
            return []
        books.position = fact.position
        said = books.said = []
        clock.watermarks[way] = to_us
        self._settle()
        return said

    def _take(self, name: str, seen: Seen) -> None:
        state, books = self.state, self._books
        plate = state.plates.get(name)
        if plate is None:
            if seen_first(state, name, seen):
                books.touched.add(name)
                return
            plate = state.plates[name] = Plate()
        elif (spoken := left(state, name, plate, seen)) is not None:
            books.touched.add(name)
            books.said.append(spoken)
            return
        elif came_again(state, name, plate, seen):
            books.touched.add(name)
            return
        where = bisect_left(plate.seen, seen[:3])
        if where < len(plate.seen) and plate.seen[where][:3] == seen[:3]:
            return
        plate.seen.insert(where, seen)
        if seen.way == ENTRY:
            self._clock.counters.entered += 1
        else:
            self._clock.counters.exited += 1
        books.revise(name, plate, seen)

    def _refuse(self, way: int) -> None:
        """Count a sighting that is too late."""
        counters = self._clock.counters
        if way == ENTRY:
            counters.too_late_entries += 1
        else:
            counters.too_late_exits += 1

    def _decide(self, position: int, recorded_at_us: int, event: Decision | Unreadable) -> list[Spoken]:
        clock, books = self._clock, self._books
        clock.recorded_at_us = max(clock.recorded_at_us, recorded_at_us)
        books.position = position
        said = books.said = []
        match event:
            case WatermarkAdvanced(direction=way, to_us=to_us):
                clock.counters.decisions += 1
                clock.watermarks[way] = max(clock.watermarks[way], to_us)
            case RulesChanged():
                clock.counters.decisions += 1
                clock.rules.append(rules_of(event))
            case RecordAcknowledged():
                self._acknowledge(event.position)
            case VisitsRestated():
                clock.counters.decisions += 1
                for named in event.visits:
                    restate(self.state, books, named, position)
            case Unreadable():
                self._list(position, event)
        self._settle()
        return said

    def _settle(self) -> None:
        """Say and forget what has come due."""
        clock = self._clock
        lateness = clock.rules[-1].allowed_lateness_us
        entry, exit_ = clock.watermarks
        entries, exits, recorded = self._heaps
        if entries and entries[0][0] < entry - lateness:
            self._release(ENTRY, entry - lateness)
        if exits and exits[0][0] < exit_ - lateness:
            self._release(EXIT, exit_ - lateness)
        if recorded and recorded[0][0] < clock.recorded_at_us:
            self._forget(clock.recorded_at_us)

    def _release(self, way: int, limit_us: int) -> None:
        agenda = self.state.agendas[way]
        while (member := agenda.pop_before(limit_us)) is not None:
            name, visit_id = member.split(SEPARATOR, 1)
            plate = self._plate(name)
            if (spoken := given_up(self.state, name, plate, visit_id, self._books.position)) is None:
                self._books.release(name, plate, visit_id)
            else:
                self._books.touched.add(name)
                self._books.said.append(spoken)

    def _forget(self, now: int) -> None:
        agenda = self.state.agendas[Agenda.RECORDED]
        plates, asleep, touched = self.state.plates, self.state.asleep, self._books.touched
        for _ in range(FORGOTTEN_PER_RECORD_MAX):
            name = agenda.pop_before(now)
            if name is None:
                return
            touched.add(name)
            if asleep.pop(name, None) is None:
                plate = self._plate(name)
                if plate.held:
                    plate.keep_until_us = now - now % DAY_US + DAY_US
                    agenda.put(plate.keep_until_us, name)
                else:
                    del plates[name]

    def _plate(self, name: str) -> Plate:
        plate = self.state.plates.get(name)
        if plate is None:
            raise MissingPlateError(name)
        return plate

    def _list(self, position: int, unreadable: Unreadable) -> None:
        clock = self.state.clock
        clock.counters.unreadable += 1
        if len(clock.unreadable) < UNREADABLE_LISTED_MAX:
            listed = UnreadableRecord(position, unreadable.type, unreadable.reason, unreadable.detail)
            clock.unreadable.append(listed)

    def _acknowledge(self, position: int) -> None:
        clock = self.state.clock
        clock.counters.decisions += 1
        kept = [listed for listed in clock.unreadable if listed.position != position]
        if len(kept) < len(clock.unreadable) or clock.counters.outstanding > len(kept):  # Not all could be listed.
            clock.counters.acknowledged += 1
        clock.unreadable = kept

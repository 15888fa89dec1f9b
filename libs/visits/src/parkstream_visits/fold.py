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

from parkstream_visits.agenda import SEPARATOR, Agenda
from parkstream_visits.memory import UNREADABLE_LISTED_MAX, Clock, Plate, State, UnreadableRecord
from parkstream_visits.pairing import ENTRY, EXIT, Seen, Visit, visits_of
from parkstream_visits.plates import Bookkeeping
from parkstream_visits.restating import restate
from parkstream_visits.rules import DAY_US, rules_of
from parkstream_visits.shortcuts import left, seen_first
from parkstream_visits.spoken import Spoken

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
        clock = self.state.clock
        clock.recorded_at_us = max(clock.recorded_at_us, fact.recorded_at_us)
        books = self._books
        books.begin(fact.position)
        event = fact.event
        match event:
            case VehicleEntered():
                self._see(fact, ENTRY, event.vehicle_plate, event.id, microseconds(event.entry_date_time))
            case VehicleExited():
                self._see(fact, EXIT, event.vehicle_plate, event.id, microseconds(event.exit_date_time))
            case WatermarkAdvanced():
                clock.counters.decisions += 1
                self._advance(event.direction, event.to_us)
            case RulesChanged():
                clock.counters.decisions += 1
                clock.rules.append(rules_of(event))
            case RecordAcknowledged():
                self._acknowledge(event.position)
            case VisitsRestated():
                clock.counters.decisions += 1
                for named in event.visits:
                    restate(self.state, books, named, fact.position)
            case Unreadable():
                self._list(fact.position, event)
        self._release()
        self._forget()
        return books.said

    def _see(self, fact: Fact, way: int, name: str, id_: str, at_us: int) -> None:
        clock = self.state.clock
        self._advance(way, min(at_us, fact.recorded_at_us))
        if at_us + clock.rules[-1].finality_us < fact.recorded_at_us:
            if way == ENTRY:
                clock.counters.too_late_entries += 1
            else:
                clock.counters.too_late_exits += 1
            return
        plates = self.state.plates
        seen = Seen(at_us, way, id_, len(clock.rules) - 1, fact.position, fact.published_at_us, fact.traceparent)
        plate = plates.get(name)
        if plate is None:
            if seen_first(self.state, name, seen):
                self._count(way)
                self._books.touched.add(name)
                return
            plate = plates[name] = Plate()
        elif (spoken := left(self.state, name, plate, seen, fact.position)) is not None:
            self._count(way)
            self._books.touched.add(name)
            self._books.said.append(spoken)
            return
        where = bisect_left(plate.seen, seen[:3])
        if where < len(plate.seen) and plate.seen[where][:3] == seen[:3]:
            return
        plate.seen.insert(where, seen)
        self._count(way)
        self._books.revise(name, plate, seen)

    def _count(self, way: int) -> None:
        if way == ENTRY:
            self.state.clock.counters.entered += 1
        else:
            self.state.clock.counters.exited += 1

    def _advance(self, way: int, to_us: int) -> None:
        watermarks = self.state.clock.watermarks
        watermarks[way] = max(watermarks[way], to_us)

    def _release(self) -> None:
        clock, agendas = self.state.clock, self.state.agendas
        lateness = clock.rules[-1].allowed_lateness_us
        for way in (ENTRY, EXIT):
            limit = clock.watermarks[way] - lateness
            agenda = agendas[way]
            while agenda.heap and agenda.heap[0][0] < limit and (member := agenda.pop_before(limit)) is not None:
                name, visit_id = member.split(SEPARATOR, 1)
                self._books.release(name, self._plate(name), visit_id)

    def _forget(self) -> None:
        agenda = self.state.agendas[Agenda.RECORDED]
        now = self.state.clock.recorded_at_us
        if not agenda.heap or agenda.heap[0][0] >= now:
            return
        for _ in range(FORGOTTEN_PER_RECORD_MAX):
            name = agenda.pop_before(now)
            if name is None:
                return
            if self._plate(name).held:
                self.state.plates[name].keep_until_us = now - now % DAY_US + DAY_US
                agenda.put(self.state.plates[name].keep_until_us, name)
            else:
                del self.state.plates[name]
            self._books.touched.add(name)

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
        clock.counters.acknowledged += 1
        clock.unreadable = [listed for listed in clock.unreadable if listed.position != position]

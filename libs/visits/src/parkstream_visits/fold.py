"""The fold: record by record, which revision of which visit is emitted, and when.

What rests on sightings that exist is emitted at once. What rests on something missing is pending until the direction
that could still report it has caught up (its watermark passed the due time and the allowed lateness).
"""

from bisect import bisect_left
from collections.abc import Iterable

from parkstream_events.decisions import Decision, RecordAcknowledged, RulesChanged, VisitsRestated, WatermarkAdvanced
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds
from parkstream_events.units import DAY_US

from parkstream_visits.emitted import Emitted
from parkstream_visits.plate_ledger import PlateLedger
from parkstream_visits.plate_visits import ENTRY, EXIT, PlateSighting, Visit, plate_sighting_of, visits_of
from parkstream_visits.recorded_event import RecordedEvent, Unreadable
from parkstream_visits.restatement import restate
from parkstream_visits.rules import rules_of
from parkstream_visits.shortcuts import exit_after_entry, first_sighting, next_entry, release_single
from parkstream_visits.state import UNREADABLE_LISTED_MAX, UNREADABLE_TEXT_MAX, Clock, Plate, State, UnreadableRecord
from parkstream_visits.timers import SEPARATOR, Timer

FORGOTTEN_PER_RECORD_MAX = 8


class MissingPlateError(KeyError):
    """A timer named a plate that was not loaded: load what ``reach`` asks for before folding."""


def reach(events: Iterable[RecordedEvent], clock: Clock) -> tuple[int, int, int]:
    """Return per kind of timer the time before which an item may come due while *events* are folded.

    A store that keeps only a part in memory loads those items, and their plates, first.
    """
    marks = [*clock.watermarks]
    now_us = clock.recorded_at_us
    lateness = clock.rules[-1].allowed_lateness_us
    for recorded in events:
        now_us = max(now_us, recorded.recorded_at_us)
        match recorded.event:
            case VehicleEntered(entry_date_time=at):
                marks[ENTRY] = max(marks[ENTRY], min(microseconds(at), recorded.recorded_at_us))
            case VehicleExited(exit_date_time=at):
                marks[EXIT] = max(marks[EXIT], min(microseconds(at), recorded.recorded_at_us))
            case WatermarkAdvanced(direction=direction, to_us=to_us):
                marks[direction] = max(marks[direction], to_us)
            case RulesChanged(allowed_lateness_us=changed):
                lateness = min(lateness, changed)
            case _:
                pass
    return marks[ENTRY] - lateness, marks[EXIT] - lateness, now_us


class Fold:
    """Folds recorded events, in the order of the log, into a state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._clock = state.clock
        self._heaps = [timer.heap for timer in state.timers]
        self._ledger = PlateLedger(state)

    def take_touched(self) -> set[str]:
        """Return the plates that changed since the last call; a dropped one is not in the state any more."""
        touched, self._ledger.touched = self._ledger.touched, set()
        return touched

    def visits(self, name: str) -> list[Visit]:
        """Return the visits of the plate *name* that are not final yet, in the order they happened."""
        plate = self.state.plates.get(name)
        return [] if plate is None else visits_of(plate.sightings, self.state.clock.rules)

    def fold(self, recorded: RecordedEvent) -> list[Emitted]:
        """Take in *recorded* and return the revisions that are emitted because of it."""
        event = recorded.event
        if not isinstance(event, VehicleEntered | VehicleExited):
            return self._decide(recorded.position, recorded.recorded_at_us, event)
        rules = len(self._clock.rules) - 1
        sighting = plate_sighting_of(event, rules, recorded.position, recorded.published_at_us, recorded.traceparent)
        return self.see(event.vehicle_plate, sighting, recorded.recorded_at_us)

    def see(self, name: str, sighting: PlateSighting, recorded_at_us: int) -> list[Emitted]:
        """Take in a *sighting* of the plate *name* as ``fold`` does; the rules in force apply."""
        clock, ledger = self._clock, self._ledger
        at_us, way = sighting.at_us, sighting.way
        ledger.position = sighting.position
        emitted = ledger.emitted = []
        clock.recorded_at_us = max(clock.recorded_at_us, recorded_at_us)
        watermarks = clock.watermarks
        mark = min(recorded_at_us, at_us)
        watermarks[way] = max(watermarks[way], mark)
        if at_us + clock.rules[-1].finality_us < recorded_at_us:
            self._refuse(way)
        else:
            self._take(name, sighting)
        self._settle()
        return emitted

    def pass_by(self, recorded: RecordedEvent, way: int, at_us: int) -> list[Emitted]:
        """Take in a sighting of a plate that this state leaves out: all it does is to move a watermark."""
        clock, ledger = self._clock, self._ledger
        clock.recorded_at_us = max(clock.recorded_at_us, recorded.recorded_at_us)
        to_us = min(at_us, recorded.recorded_at_us)
        if to_us <= clock.watermarks[way]:
            return []
        ledger.position = recorded.position
        emitted = ledger.emitted = []
        clock.watermarks[way] = to_us
        self._settle()
        return emitted

    def _take(self, name: str, sighting: PlateSighting) -> None:
        state, ledger = self.state, self._ledger
        plate = state.plates.get(name)
        if plate is None:
            if first_sighting(state, name, sighting):
                ledger.touched.add(name)
                return
            plate = state.plates[name] = Plate()
        elif (revision := exit_after_entry(state, name, plate, sighting)) is not None:
            ledger.touched.add(name)
            ledger.emitted.append(revision)
            return
        elif next_entry(state, name, plate, sighting):
            ledger.touched.add(name)
            return
        where = bisect_left(plate.sightings, sighting.key)
        if where < len(plate.sightings) and plate.sightings[where].key == sighting.key:
            return
        plate.sightings.insert(where, sighting)
        if sighting.way == ENTRY:
            self._clock.counters.entered += 1
        else:
            self._clock.counters.exited += 1
        ledger.revise(name, plate, sighting)

    def _refuse(self, way: int) -> None:
        """Count a sighting that is too late."""
        counters = self._clock.counters
        if way == ENTRY:
            counters.too_late_entries += 1
        else:
            counters.too_late_exits += 1

    def _decide(self, position: int, recorded_at_us: int, event: Decision | Unreadable) -> list[Emitted]:
        clock, ledger = self._clock, self._ledger
        clock.recorded_at_us = max(clock.recorded_at_us, recorded_at_us)
        ledger.position = position
        emitted = ledger.emitted = []
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
                    restate(self.state, ledger, named, position)
            case Unreadable():
                self._list(position, event)
        self._settle()
        return emitted

    def _settle(self) -> None:
        """Emit and forget what has come due."""
        clock = self._clock
        lateness = clock.rules[-1].allowed_lateness_us
        entry, exit_ = clock.watermarks
        entries, exits, recorded_timers = self._heaps
        if entries and entries[0][0] < entry - lateness:
            self._release(ENTRY, entry - lateness)
        if exits and exits[0][0] < exit_ - lateness:
            self._release(EXIT, exit_ - lateness)
        if recorded_timers and recorded_timers[0][0] < clock.recorded_at_us:
            self._forget(clock.recorded_at_us)

    def _release(self, way: int, limit_us: int) -> None:
        timer = self.state.timers[way]
        while (member := timer.pop_before(limit_us)) is not None:
            name, visit_id = member.split(SEPARATOR, 1)
            plate = self._plate(name)
            if (revision := release_single(self.state, name, plate, visit_id, self._ledger.position)) is None:
                self._ledger.release(name, plate, visit_id)
            else:
                self._ledger.touched.add(name)
                self._ledger.emitted.append(revision)

    def _forget(self, now: int) -> None:
        timer = self.state.timers[Timer.RECORDED]
        plates, asleep, touched = self.state.plates, self.state.asleep, self._ledger.touched
        for _ in range(FORGOTTEN_PER_RECORD_MAX):
            name = timer.pop_before(now)
            if name is None:
                return
            touched.add(name)
            if asleep.pop(name, None) is None:
                plate = self._plate(name)
                if plate.pending:
                    plate.keep_until_us = now - now % DAY_US + DAY_US
                    timer.put(plate.keep_until_us, name)
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
            texts = (unreadable.type, unreadable.reason, unreadable.detail)
            clock.unreadable.append(UnreadableRecord(position, *(text[:UNREADABLE_TEXT_MAX] for text in texts)))

    def _acknowledge(self, position: int) -> None:
        clock = self.state.clock
        clock.counters.decisions += 1
        kept = [listed for listed in clock.unreadable if listed.position != position]
        if len(kept) < len(clock.unreadable) or clock.counters.outstanding > len(kept):  # Not all could be listed.
            clock.counters.acknowledged += 1
        clock.unreadable = kept

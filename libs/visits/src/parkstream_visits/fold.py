"""The fold: record by record, which revision of which visit is emitted, and when.

What rests on sightings that exist is emitted at once. What rests on something missing is pending until every gate that
counts has caught up: until the watermark has passed the due time and the allowed lateness.
"""

from bisect import bisect_left

from parkstream_events.decisions import (
    Decision,
    OperatorActed,
    RecordAcknowledged,
    RulesChanged,
    VisitsRestated,
    WatermarkAdvanced,
)
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds

from parkstream_visits.emitted import Emitted
from parkstream_visits.plate_ledger import PlateLedger
from parkstream_visits.plate_visits import ENTRY, EXIT, PlateSighting, Visit, gate_of, plate_sighting_of, visits_of
from parkstream_visits.recorded_event import RecordedEvent, Unreadable
from parkstream_visits.restatement import restate
from parkstream_visits.rules import rules_of
from parkstream_visits.shortcuts import exit_after_entry, first_sighting, next_entry, release_single
from parkstream_visits.state import (
    SIGHTINGS_MAX,
    UNREADABLE_LISTED_MAX,
    UNREADABLE_TEXT_MAX,
    Plate,
    State,
    UnreadableRecord,
)
from parkstream_visits.timers import SEPARATOR, Timer

FORGOTTEN_PER_RECORD_MAX = 8


class MissingPlateError(KeyError):
    """A timer named a plate that was not loaded: load what ``reach`` asks for before folding."""


class Fold:
    """Folds recorded events, in the order of the log, into a state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._clock = state.clock
        self._gates = state.clock.gates
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
        return self.see(event.vehicle_plate, plate_sighting_of(event, recorded, len(self._clock.rules) - 1))

    def see(self, name: str, sighting: PlateSighting) -> list[Emitted]:
        """Take in a *sighting* of the plate *name* as ``fold`` does; the rules in force apply."""
        clock, ledger = self._clock, self._ledger
        at_us, rules = sighting.at_us, clock.rules[-1]
        recorded_at_us = at_us + sighting.delay_us
        ledger.position = sighting.position
        emitted = ledger.emitted = []
        clock.recorded_at_us = max(clock.recorded_at_us, recorded_at_us)
        self._gates.report(sighting.way, sighting.gate, at_us, recorded_at_us, sighting.position, rules.hold_max_us)
        if at_us + rules.finality_us < recorded_at_us:
            self._refuse(sighting.way)
        else:
            self._take(name, sighting)
        self._settle()
        return emitted

    def pass_by(self, recorded: RecordedEvent, event: VehicleEntered | VehicleExited) -> list[Emitted]:
        """Take in a sighting of a plate that this state leaves out: all it does is to report for its gate."""
        clock, ledger = self._clock, self._ledger
        clock.recorded_at_us = max(clock.recorded_at_us, recorded.recorded_at_us)
        at_us, hold_max_us = microseconds(event.event_time), clock.rules[-1].hold_max_us
        self._gates.report(
            event.direction, gate_of(event), at_us, recorded.recorded_at_us, recorded.position, hold_max_us
        )
        ledger.position = recorded.position
        emitted = ledger.emitted = []
        self._settle()
        return emitted

    def release(self, name: str, visit_id: str, position: int) -> list[Emitted]:
        """Emit the pending visit *visit_id* of the plate *name* at *position*, whatever the watermark."""
        self._ledger.position = position
        emitted = self._ledger.emitted = []
        timer, _ = self.state.plates[name].pending[visit_id]
        self.state.timers[timer].drop(f"{name}{SEPARATOR}{visit_id}")
        self._ledger.release(name, self.state.plates[name], visit_id)
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
        self._insert(name, plate, sighting)

    def _insert(self, name: str, plate: Plate, sighting: PlateSighting) -> None:
        counters = self._clock.counters
        where = bisect_left(plate.sightings, sighting.key)
        if where < len(plate.sightings) and plate.sightings[where].key == sighting.key:
            return
        if len(plate.sightings) >= SIGHTINGS_MAX:
            self._ledger.forget_final(name, plate)
            where = bisect_left(plate.sightings, sighting.key)
        if len(plate.sightings) >= SIGHTINGS_MAX:
            counters.too_many_entries += sighting.way == ENTRY
            counters.too_many_exits += sighting.way == EXIT
            return
        plate.sightings.insert(where, sighting)
        counters.entered += sighting.way == ENTRY
        counters.exited += sighting.way == EXIT
        self._ledger.revise(name, plate, sighting)

    def _refuse(self, way: int) -> None:
        """Count a sighting that is too late."""
        counters = self._clock.counters
        counters.too_late_entries += way == ENTRY
        counters.too_late_exits += way == EXIT

    def _decide(self, position: int, recorded_at_us: int, event: Decision | Unreadable) -> list[Emitted]:
        clock, ledger = self._clock, self._ledger
        clock.recorded_at_us = max(clock.recorded_at_us, recorded_at_us)
        ledger.position = position
        emitted = ledger.emitted = []
        match event:
            case WatermarkAdvanced():
                clock.counters.decisions += 1
                clock.counters.void += not self._gates.decide(event, recorded_at_us, clock.rules[-1].silence_grace_us)
            case RulesChanged():
                clock.counters.decisions += 1
                clock.rules.append(rules_of(event))
            case RecordAcknowledged():
                self._acknowledge(event.position)
            case VisitsRestated():
                clock.counters.decisions += 1
                for named in event.visits:
                    restate(self.state, ledger, named, position)
            case OperatorActed():
                clock.counters.decisions += 1
            case Unreadable():
                self._list(position, event)
        self._settle()
        return emitted

    def _settle(self) -> None:
        """Emit and forget what has come due."""
        clock = self._clock
        limit_us = self._gates.watermark_us - clock.rules[-1].allowed_lateness_us
        entries, exits, forgetting = self._heaps
        if entries and entries[0][0] < limit_us:
            self._release(Timer.MISSING_ENTRY, limit_us)
        if exits and exits[0][0] < limit_us:
            self._release(Timer.MISSING_EXIT, limit_us)
        if forgetting and forgetting[0][0] < clock.recorded_at_us:
            self._forget(clock.recorded_at_us)

    def _release(self, kind: Timer, limit_us: int) -> None:
        timer = self.state.timers[kind]
        while (member := timer.pop_before(limit_us)) is not None:
            name, visit_id = member.split(SEPARATOR, 1)
            plate = self._plate(name)
            if (revision := release_single(self.state, name, plate, visit_id, self._ledger.position)) is None:
                self._ledger.release(name, plate, visit_id)
            else:
                self._ledger.touched.add(name)
                self._ledger.emitted.append(revision)

    def _forget(self, now: int) -> None:
        timer = self.state.timers[Timer.FORGETTING]
        plates, asleep, touched = self.state.plates, self.state.asleep, self._ledger.touched
        for _ in range(FORGOTTEN_PER_RECORD_MAX):
            name = timer.pop_before(now)
            if name is None:
                return
            touched.add(name)
            if asleep.pop(name, None) is None:
                plate = self._plate(name)
                if plate.pending:
                    self._ledger.keep_until_tomorrow(name, plate)
                else:
                    del plates[name]

    def _plate(self, name: str) -> Plate:
        plate = self.state.plates.get(name)
        if plate is None:
            message = "a timer is of a plate that was not loaded"  # Which one it is must not reach a log.
            raise MissingPlateError(message)
        return plate

    def _list(self, position: int, unreadable: Unreadable) -> None:
        clock = self.state.clock
        clock.counters.unreadable += 1
        if len(clock.unreadable) < UNREADABLE_LISTED_MAX:
            texts = (unreadable.type, unreadable.reason, unreadable.detail)
            one = UnreadableRecord(position, *(text[:UNREADABLE_TEXT_MAX] for text in texts))
            clock.unreadable = (*clock.unreadable, one)

    def _acknowledge(self, position: int) -> None:
        clock = self.state.clock
        clock.counters.decisions += 1
        kept = [listed for listed in clock.unreadable if listed.position != position]
        if len(kept) < len(clock.unreadable) or clock.counters.outstanding > len(kept):  # Not all could be listed.
            clock.counters.acknowledged += 1
        if len(kept) < len(clock.unreadable):
            clock.unreadable = tuple(kept)

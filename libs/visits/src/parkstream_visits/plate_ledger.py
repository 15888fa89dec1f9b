"""The ledger of a plate: what was emitted of its visits against what the rules give now, and what is pending."""

from itertools import pairwise

from parkstream_events.summaries import Outcome
from parkstream_events.units import DAY_US

from parkstream_visits.emitted import Emitted
from parkstream_visits.plate_visits import ENTRY, PlateSighting, Visit, visits_of
from parkstream_visits.state import Counters, LastEmitted, Plate, State
from parkstream_visits.timers import SEPARATOR, Timer


class PlateLedger:
    """Emits what is new about a plate's visits while one record is folded."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.position = 0
        self.emitted: list[Emitted] = []
        self.touched: set[str] = set()

    def revise(self, name: str, plate: Plate, cause: PlateSighting) -> None:
        """Emit what the sighting *cause* changed about the visits of the plate *name*."""
        self.touched.add(name)
        visits = visits_of(plate.sightings, self._state.clock.rules)
        pending: dict[str, tuple[int, int]] = {}
        for visit in visits:
            last = plate.emitted.get(visit.id)
            if last is not None and visit.id not in plate.pending:  # One restated while pending stays pending.
                if last.body != body_of(visit):
                    self._emit(name, plate, visit, cause)
            elif visit.waits_for is None or self._is_due(visit.waits_for, visit.due_us):
                self._emit(name, plate, visit, cause)
            else:
                pending[visit.id] = (int(visit.waits_for), visit.due_us)
        if plate.emitted:
            self._retract(name, plate, visits, cause)
        if pending != plate.pending:
            self._set_pending(name, plate, pending)
        self._count(plate, visits)
        self._keep(name, plate, visits)

    def release(self, name: str, plate: Plate, visit_id: str) -> None:
        """Emit the visit that was pending until now; its own sighting is the cause."""
        self.touched.add(name)
        del plate.pending[visit_id]
        self._counters.pending -= 1
        visits = visits_of(plate.sightings, self._state.clock.rules)
        visit = next(visit for visit in visits if visit.id == visit_id)
        self._emit(name, plate, visit, visit.exit or visit.entry)
        self._count(plate, visits)

    @property
    def _counters(self) -> Counters:
        return self._state.clock.counters

    def _is_due(self, waits_for: Timer, due_us: int) -> bool:
        clock = self._state.clock
        return clock.watermarks[waits_for] > due_us + clock.rules[-1].allowed_lateness_us

    def _emit(self, name: str, plate: Plate, visit: Visit, cause: PlateSighting | None) -> None:
        assert cause is not None
        self._emit_revision(name, plate, visit.id, visit, cause, visit.outcome, None)

    def _emit_revision(  # noqa: PLR0913, PLR0917 - one revision has these parts
        self,
        name: str,
        plate: Plate,
        visit_id: str,
        visit: Visit | None,
        cause: PlateSighting,
        outcome: Outcome,
        superseded_by: str | None,
    ) -> None:
        before = plate.emitted.get(visit_id)
        revision = 1
        if before is not None:
            revision += before.revision
        self.count_emitted(before, outcome)
        entry, exit_ = (visit.entry, visit.exit) if visit is not None else (None, None)
        plate.emitted[visit_id] = LastEmitted(
            revision, outcome, entry.id if entry else None, exit_.id if exit_ else None
        )
        self.emitted.append(
            Emitted(name, visit_id, revision, outcome, entry, exit_, cause, self.position, superseded_by),
        )

    def count_emitted(self, before: LastEmitted | None, outcome: Outcome) -> None:
        """Count a summary of *outcome* in place of the one *before*."""
        if before is not None:
            self._tally(before.outcome, -1)
        self._tally(outcome, 1)
        self._counters.emitted += 1

    def _tally(self, outcome: Outcome, by: int) -> None:
        counters = self._counters
        match outcome:
            case Outcome.COMPLETED:
                counters.completed += by
            case Outcome.ENTRY_MISSED:
                counters.entry_missed += by
            case Outcome.EXIT_MISSED:
                counters.exit_missed += by
            case Outcome.RETRACTED:
                counters.retracted += by

    def _retract(self, name: str, plate: Plate, visits: list[Visit], cause: PlateSighting) -> None:
        """Retract the visits that were emitted and that the rules no longer produce."""
        now = {visit.id for visit in visits}
        gone = [id_ for id_, last in plate.emitted.items() if id_ not in now and last.outcome != Outcome.RETRACTED]
        for visit_id in gone:
            successor = superseded_by(plate.emitted[visit_id], visits)
            self._emit_revision(name, plate, visit_id, None, cause, Outcome.RETRACTED, successor)

    def _set_pending(self, name: str, plate: Plate, pending: dict[str, tuple[int, int]]) -> None:
        timers = self._state.timers
        for visit_id, (timer, _) in plate.pending.items():
            if visit_id not in pending:
                timers[timer].drop(f"{name}{SEPARATOR}{visit_id}")
        for visit_id, (timer, due_us) in pending.items():
            if plate.pending.get(visit_id) != (timer, due_us):
                timers[timer].put(due_us, f"{name}{SEPARATOR}{visit_id}")
        self._counters.pending += len(pending) - len(plate.pending)
        plate.pending = pending

    def _count(self, plate: Plate, visits: list[Visit]) -> None:
        counters = self._counters
        inside = visits[-1].exit is None and visits[-1].id in plate.pending
        if inside != plate.inside:
            counters.inside += 1 if inside else -1
            plate.inside = inside
        entries = exits = 0
        for visit in visits:
            for duplicate in visit.duplicates:
                if duplicate.way == ENTRY:
                    entries += 1
                else:
                    exits += 1
        counters.duplicate_entries += entries - plate.duplicate_entries
        counters.duplicate_exits += exits - plate.duplicate_exits
        plate.duplicate_entries, plate.duplicate_exits = entries, exits

    def _keep(self, name: str, plate: Plate, visits: list[Visit]) -> None:
        """Forget the plate's final visits, and note when all of them will be."""
        clock = self._state.clock
        rules = clock.rules[-1]
        horizon = clock.recorded_at_us - rules.finality_us - rules.duplicate_window_us
        if plate.sightings[0].at_us < horizon:
            self._forget_final(plate, visits, horizon)
        last = plate.sightings[-1]
        end = last.at_us + (clock.rules[last.rules].max_stay_us if last.way == ENTRY else 0)
        until = end + rules.finality_us + rules.duplicate_window_us
        until += DAY_US - until % DAY_US
        if until != plate.keep_until_us:
            plate.keep_until_us = until
            self._state.timers[Timer.RECORDED].put(until, name)

    def _forget_final(self, plate: Plate, visits: list[Visit], horizon: int) -> None:
        final = 0
        for visit, following in pairwise(visits):
            if visit.id in plate.pending or _begin(following) >= horizon:
                break
            final += 1
        if not final:
            return
        first = min(sighting for sighting in (visits[final].entry, visits[final].exit) if sighting is not None)
        plate.sightings = [sighting for sighting in plate.sightings if sighting >= first]
        possible = {sighting.visit_id for sighting in plate.sightings}
        plate.emitted = {id_: last for id_, last in plate.emitted.items() if id_ in possible}
        self._forget_duplicates(plate, visits[:final])

    def _forget_duplicates(self, plate: Plate, final: list[Visit]) -> None:
        """Take the duplicate reads of *final* visits off the plate; the total keeps them."""
        for visit in final:
            for duplicate in visit.duplicates:
                if duplicate.way == ENTRY:
                    plate.duplicate_entries -= 1
                else:
                    plate.duplicate_exits -= 1


def body_of(visit: Visit) -> tuple[Outcome, str | None, str | None]:
    """Return what a summary of *visit* consists of."""
    return visit.outcome, visit.entry.id if visit.entry else None, visit.exit.id if visit.exit else None


def _begin(visit: Visit) -> int:
    first = visit.entry or visit.exit
    assert first is not None
    return first.at_us


def superseded_by(last: LastEmitted, visits: list[Visit]) -> str | None:
    """Return the one of *visits* that now holds a sighting of the one that was emitted *last*, if one does."""
    for visit in visits:
        ids = {
            (sighting.way, sighting.id)
            for sighting in (visit.entry, visit.exit, *visit.duplicates)
            if sighting is not None
        }
        if (ENTRY, last.entry_id) in ids or (1, last.exit_id) in ids:
            return visit.id
    return None

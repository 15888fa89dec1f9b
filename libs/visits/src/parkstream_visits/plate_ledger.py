"""The ledger of a plate: what was emitted of its visits against what the rules give now, and what is pending."""

from itertools import pairwise

from parkstream_events.summaries import DUPLICATES_LISTED_MAX, Outcome
from parkstream_events.units import DAY_US

from parkstream_visits.emitted import Emitted
from parkstream_visits.plate_visits import ENTRY, EXIT, Identity, PlateSighting, Visit, visits_of
from parkstream_visits.state import Counters, LastEmitted, Plate, State
from parkstream_visits.timers import SEPARATOR, Timer

Waits = dict[str, tuple[int, int]]
"""Visit id to (timer, due)."""


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
        pending: Waits = {}
        for visit in visits:
            last = plate.emitted.get(visit.id)
            if last is not None and visit.id not in plate.pending:  # One restated while pending stays pending.
                if last.body != body_of(visit):
                    self._emit(name, plate, visit, cause)
            elif visit.waits_for is None or self._is_due(visit.due_us):
                self._emit(name, plate, visit, cause)
            else:
                pending[visit.id] = (int(visit.waits_for), visit.due_us)
        if plate.emitted:
            self._retract(name, plate, visits, cause)
        if pending != plate.pending:
            self._set_timers(name, plate.pending, pending)
        self._wait(plate, pending, visits[-1])
        self._count_duplicates(plate, visits)
        self._keep(name, plate, visits)

    def release(self, name: str, plate: Plate, visit_id: str) -> None:
        """Emit the visit that was pending until now; its own sighting is the cause."""
        self.touched.add(name)
        visits = visits_of(plate.sightings, self._state.clock.rules)
        visit = next(visit for visit in visits if visit.id == visit_id)
        pending = {id_: waits for id_, waits in plate.pending.items() if id_ != visit_id}
        self._emit(name, plate, visit, visit.exit or visit.entry)
        self._wait(plate, pending, visits[-1])

    def forget_final(self, name: str, plate: Plate) -> None:
        """Forget the plate's final visits, to make room; it is paired only when its first sighting is old enough."""
        if plate.sightings[0].at_us >= self._horizon_us:
            return
        visits = visits_of(plate.sightings, self._state.clock.rules)
        if self._forget_final(plate, visits):
            self.touched.add(name)

    def keep_until_tomorrow(self, name: str, plate: Plate) -> None:
        """Keep a plate of which something is pending still."""
        now_us = self._state.clock.recorded_at_us
        plate.keep_until_us = now_us - now_us % DAY_US + DAY_US
        self._state.timers[Timer.FORGETTING].put(plate.keep_until_us, name)

    @property
    def _counters(self) -> Counters:
        return self._state.clock.counters

    @property
    def _horizon_us(self) -> int:
        """What ended before is final."""
        rules = self._state.clock.rules[-1]
        return self._state.clock.recorded_at_us - rules.finality_us - rules.duplicate_window_us

    def _is_due(self, due_us: int) -> bool:
        clock = self._state.clock
        return clock.gates.watermark_us > due_us + clock.rules[-1].allowed_lateness_us

    def _emit(self, name: str, plate: Plate, visit: Visit, cause: PlateSighting | None) -> None:
        assert cause is not None
        last = plate.emitted.get(visit.id)
        revision = 1 if last is None else last.revision + 1
        self.count_emitted(last, visit.outcome)
        plate.emitted[visit.id] = LastEmitted(revision, *body_of(visit), self.position)
        self.emitted.append(emitted_of(name, visit, revision, cause, self.position))

    def _retract(self, name: str, plate: Plate, visits: list[Visit], cause: PlateSighting) -> None:
        """Retract the visits that were emitted and that the rules no longer produce."""
        now = {visit.id for visit in visits}
        gone = [id_ for id_, last in plate.emitted.items() if id_ not in now and last.outcome != Outcome.RETRACTED]
        for visit_id in gone:
            last = plate.emitted[visit_id]
            revision, successor = last.revision + 1, superseded_by(last, visits)
            self.count_emitted(last, Outcome.RETRACTED)
            plate.emitted[visit_id] = LastEmitted(revision, Outcome.RETRACTED, None, None, self.position)
            self.emitted.append(
                Emitted(name, visit_id, revision, Outcome.RETRACTED, None, None, cause, self.position, successor)
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

    def _set_timers(self, name: str, before: Waits, pending: Waits) -> None:
        timers = self._state.timers
        for visit_id, (timer, _) in before.items():
            if visit_id not in pending:
                timers[timer].drop(f"{name}{SEPARATOR}{visit_id}")
        for visit_id, (timer, due_us) in pending.items():
            if before.get(visit_id) != (timer, due_us):
                timers[timer].put(due_us, f"{name}{SEPARATOR}{visit_id}")

    def _wait(self, plate: Plate, pending: Waits, last: Visit) -> None:
        """Let *pending* be what the plate waits with; *last* is its last visit."""
        counters = self._counters
        inside = last.exit is None and last.id in pending
        counters.inside += inside - plate.inside
        counters.pending += (len(pending) - inside) - (len(plate.pending) - plate.inside)
        plate.pending, plate.inside = pending, inside

    def _count_duplicates(self, plate: Plate, visits: list[Visit]) -> None:
        entries = exits = 0
        for visit in visits:
            for duplicate in visit.duplicates:
                entries += duplicate.way == ENTRY
                exits += duplicate.way == EXIT
        self._counters.duplicate_entries += entries - plate.duplicate_entries
        self._counters.duplicate_exits += exits - plate.duplicate_exits
        plate.duplicate_entries, plate.duplicate_exits = entries, exits

    def _keep(self, name: str, plate: Plate, visits: list[Visit]) -> None:
        """Forget the plate's final visits, and note when all of them will be."""
        clock = self._state.clock
        rules = clock.rules[-1]
        self._forget_final(plate, visits)
        last = plate.sightings[-1]
        end = last.at_us + (clock.rules[last.rules].max_stay_us if last.way == ENTRY else 0)
        until = end + rules.finality_us + rules.duplicate_window_us
        until += DAY_US - until % DAY_US
        if until != plate.keep_until_us:
            plate.keep_until_us = until
            self._state.timers[Timer.FORGETTING].put(until, name)

    def _forget_final(self, plate: Plate, visits: list[Visit]) -> bool:
        """Forget those of the plate's *visits* that are final, but the last; return whether there were any."""
        horizon = self._horizon_us
        final = 0
        for visit, following in pairwise(visits):
            if plate.sightings[0].at_us >= horizon or visit.id in plate.pending or _begin(following) >= horizon:
                break
            final += 1
        if not final:
            return False
        first = min(sighting for sighting in (visits[final].entry, visits[final].exit) if sighting is not None)
        plate.sightings = [sighting for sighting in plate.sightings if sighting >= first]
        possible = {sighting.visit_id for sighting in plate.sightings}
        plate.emitted = {id_: last for id_, last in plate.emitted.items() if id_ in possible}
        for duplicate in (duplicate for visit in visits[:final] for duplicate in visit.duplicates):
            plate.duplicate_entries -= duplicate.way == ENTRY  # The total keeps them.
            plate.duplicate_exits -= duplicate.way == EXIT
        return True


def body_of(visit: Visit) -> tuple[Outcome, Identity | None, Identity | None]:
    """Return what a summary of *visit* consists of."""
    return visit.outcome, visit.entry.identity if visit.entry else None, visit.exit.identity if visit.exit else None


def emitted_of(name: str, visit: Visit, revision: int, cause: PlateSighting, position: int) -> Emitted:
    """Return the *revision* of *visit*, a visit of the plate *name*, that the record at *position* made."""
    return Emitted(
        plate=name,
        visit_id=visit.id,
        revision=revision,
        outcome=visit.outcome,
        entry=visit.entry,
        exit=visit.exit,
        cause=cause,
        position=position,
        superseded_by=None,
        duplicate_reads=len(visit.duplicates),
        duplicate_ids=tuple(duplicate.id for duplicate in visit.duplicates[:DUPLICATES_LISTED_MAX]),
    )


def _begin(visit: Visit) -> int:
    first = visit.entry or visit.exit
    assert first is not None
    return first.at_us


def superseded_by(last: LastEmitted, visits: list[Visit]) -> str | None:
    """Return the one of *visits* that now holds a sighting of the one that was emitted *last*, if one does."""
    for visit in visits:
        own = {(one.way, one.identity) for one in (visit.entry, visit.exit, *visit.duplicates) if one is not None}
        if (ENTRY, last.entry) in own or (EXIT, last.exit) in own:
            return visit.id
    return None

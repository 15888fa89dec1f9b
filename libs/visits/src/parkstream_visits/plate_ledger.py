"""One plate's books: what was said of its visits against what the rules say now, and what waits."""

from itertools import pairwise

from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Spoken
from parkstream_visits.plate_visits import ENTRY, Seen, Visit, visits_of
from parkstream_visits.rules import DAY_US
from parkstream_visits.state import Counters, Plate, Said, State
from parkstream_visits.timers import SEPARATOR, Agenda


class Bookkeeping:
    """Says what is new about a plate's visits while one record is folded."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.position = 0
        self.said: list[Spoken] = []
        self.touched: set[str] = set()

    def revise(self, name: str, plate: Plate, cause: Seen) -> None:
        """Say what the sighting *cause* changed about the visits of the plate *name*."""
        self.touched.add(name)
        visits = visits_of(plate.seen, self._state.clock.rules)
        held: dict[str, tuple[int, int]] = {}
        for visit in visits:
            said = plate.said.get(visit.id)
            if said is not None and visit.id not in plate.held:  # One that was restated while it is held stays held.
                if said[1:] != body_of(visit):
                    self._say(name, plate, visit, cause)
            elif visit.waits_for is None or self._is_due(visit.waits_for, visit.due_us):
                self._say(name, plate, visit, cause)
            else:
                held[visit.id] = (int(visit.waits_for), visit.due_us)
        if plate.said:
            self._retract(name, plate, visits, cause)
        if held != plate.held:
            self._hold(name, plate, held)
        self._count(plate, visits)
        self._keep(name, plate, visits)

    def release(self, name: str, plate: Plate, visit_id: str) -> None:
        """Say the visit that was held until now; its own sighting is the cause."""
        self.touched.add(name)
        del plate.held[visit_id]
        self._counters.held -= 1
        visits = visits_of(plate.seen, self._state.clock.rules)
        visit = next(visit for visit in visits if visit.id == visit_id)
        self._say(name, plate, visit, visit.exit or visit.entry)
        self._count(plate, visits)

    @property
    def _counters(self) -> Counters:
        return self._state.clock.counters

    def _is_due(self, waits_for: Agenda, due_us: int) -> bool:
        clock = self._state.clock
        return clock.watermarks[waits_for] > due_us + clock.rules[-1].allowed_lateness_us

    def _say(self, name: str, plate: Plate, visit: Visit, cause: Seen | None) -> None:
        assert cause is not None
        self._speak(name, plate, visit.id, visit, cause, visit.outcome, None)

    def _speak(  # noqa: PLR0913, PLR0917 - one revision has these parts
        self,
        name: str,
        plate: Plate,
        visit_id: str,
        visit: Visit | None,
        cause: Seen,
        outcome: Outcome,
        superseded_by: str | None,
    ) -> None:
        before = plate.said.get(visit_id)
        revision = 1
        if before is not None:
            revision += before.revision
        self.count_spoken(before, outcome)
        entry, exit_ = (visit.entry, visit.exit) if visit is not None else (None, None)
        plate.said[visit_id] = Said(revision, outcome, entry.id if entry else None, exit_.id if exit_ else None)
        self.said.append(
            Spoken(name, visit_id, revision, outcome, entry, exit_, cause, self.position, superseded_by),
        )

    def count_spoken(self, before: Said | None, outcome: Outcome) -> None:
        """Count a summary of *outcome* in place of the one *before*."""
        if before is not None:
            self._tally(before.outcome, -1)
        self._tally(outcome, 1)
        self._counters.spoken += 1

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

    def _retract(self, name: str, plate: Plate, visits: list[Visit], cause: Seen) -> None:
        """Take back what was said of visits that the rules no longer produce."""
        now = {visit.id for visit in visits}
        gone = [id_ for id_, said in plate.said.items() if id_ not in now and said.outcome != Outcome.RETRACTED]
        for visit_id in gone:
            heir = heir_of(plate.said[visit_id], visits)
            self._speak(name, plate, visit_id, None, cause, Outcome.RETRACTED, heir)

    def _hold(self, name: str, plate: Plate, held: dict[str, tuple[int, int]]) -> None:
        agendas = self._state.agendas
        for visit_id, (agenda, _) in plate.held.items():
            if visit_id not in held:
                agendas[agenda].drop(f"{name}{SEPARATOR}{visit_id}")
        for visit_id, (agenda, due_us) in held.items():
            if plate.held.get(visit_id) != (agenda, due_us):
                agendas[agenda].put(due_us, f"{name}{SEPARATOR}{visit_id}")
        self._counters.held += len(held) - len(plate.held)
        plate.held = held

    def _count(self, plate: Plate, visits: list[Visit]) -> None:
        counters = self._counters
        inside = visits[-1].exit is None and visits[-1].id in plate.held
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
        if plate.seen[0].at_us < horizon:
            self._forget_final(plate, visits, horizon)
        last = plate.seen[-1]
        end = last.at_us + (clock.rules[last.rules].max_stay_us if last.way == ENTRY else 0)
        until = end + rules.finality_us + rules.duplicate_window_us
        until += DAY_US - until % DAY_US
        if until != plate.keep_until_us:
            plate.keep_until_us = until
            self._state.agendas[Agenda.RECORDED].put(until, name)

    def _forget_final(self, plate: Plate, visits: list[Visit], horizon: int) -> None:
        final = 0
        for visit, following in pairwise(visits):
            if visit.id in plate.held or _begin(following) >= horizon:
                break
            final += 1
        if not final:
            return
        first = min(seen for seen in (visits[final].entry, visits[final].exit) if seen is not None)
        plate.seen = [seen for seen in plate.seen if seen >= first]
        possible = {f"entry:{seen.id}" if seen.way == ENTRY else f"exit:{seen.id}" for seen in plate.seen}
        plate.said = {id_: said for id_, said in plate.said.items() if id_ in possible}
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
    """Return what a summary of *visit* says."""
    return visit.outcome, visit.entry.id if visit.entry else None, visit.exit.id if visit.exit else None


def _begin(visit: Visit) -> int:
    first = visit.entry or visit.exit
    assert first is not None
    return first.at_us


def heir_of(said: Said, visits: list[Visit]) -> str | None:
    """Return the one of *visits* that now holds a sighting of what was *said*, if one does."""
    for visit in visits:
        ids = {(seen.way, seen.id) for seen in (visit.entry, visit.exit, *visit.duplicates) if seen is not None}
        if (ENTRY, said.entry_id) in ids or (1, said.exit_id) in ids:
            return visit.id
    return None

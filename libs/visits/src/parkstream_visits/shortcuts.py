"""The commonest records, taken in without pairing the whole plate: a car comes, comes again, leaves, or is given up.

All do what ``Bookkeeping`` would do (a property test compares them), at a third of its cost.
"""

from typing import Final

from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Spoken
from parkstream_visits.plate_visits import ENTRY, EXIT, Seen
from parkstream_visits.rules import DAY_US
from parkstream_visits.state import Plate, Said, State
from parkstream_visits.timers import SEPARATOR, Agenda

RECORDED: Final = int(Agenda.RECORDED)


def seen_first(state: State, name: str, seen: Seen) -> bool:
    """Begin the plate *name* with *seen*, held; False when it is not held, because it is due already."""
    clock, agendas = state.clock, state.agendas
    rules, counters = clock.rules[-1], clock.counters
    at_us, way, id_, _, _, _, _ = seen
    if way == ENTRY:
        waits_for, end_us, visit_id = EXIT, at_us + rules.max_stay_us, f"entry:{id_}"
    else:
        waits_for, end_us, visit_id = ENTRY, at_us, f"exit:{id_}"
    if clock.watermarks[waits_for] > end_us + rules.allowed_lateness_us:
        return False
    until = end_us + rules.finality_us + rules.duplicate_window_us
    until += DAY_US - until % DAY_US
    state.plates[name] = Plate([seen], {}, {visit_id: (waits_for, end_us)}, way == ENTRY, 0, 0, until)
    agendas[waits_for].put(end_us, f"{name}{SEPARATOR}{visit_id}")
    agendas[RECORDED].put(until, name)
    counters.held += 1
    if way == ENTRY:
        counters.inside += 1
        counters.entered += 1
    else:
        counters.exited += 1
    return True


def came_again(state: State, name: str, plate: Plate, seen: Seen) -> bool:
    """Begin another visit with the entry *seen*, held; False unless the plate was last seen leaving, all of it said."""
    at_us, way, id_, _, _, _, _ = seen
    before = plate.seen[-1]
    if way != ENTRY or plate.held or before.way == ENTRY or at_us <= before.at_us:
        return False
    clock, agendas = state.clock, state.agendas
    rules, counters = clock.rules[-1], clock.counters
    end_us, visit_id = at_us + rules.max_stay_us, f"entry:{id_}"
    kept_us = rules.finality_us + rules.duplicate_window_us
    due = clock.watermarks[EXIT] > end_us + rules.allowed_lateness_us
    if due or visit_id in plate.said or plate.seen[0].at_us < clock.recorded_at_us - kept_us:
        return False
    plate.seen.append(seen)
    plate.held = {visit_id: (EXIT, end_us)}
    plate.inside = True
    agendas[EXIT].put(end_us, f"{name}{SEPARATOR}{visit_id}")
    counters.entered += 1
    counters.held += 1
    counters.inside += 1
    _keep(state, name, plate, end_us + kept_us)
    return True


def left(state: State, name: str, plate: Plate, seen: Seen) -> Spoken | None:
    """Complete the plate's last visit with the exit *seen*; None when the plate is not that simple."""
    at_us, way, id_, _, position, _, _ = seen
    all_seen, said = plate.seen, plate.said
    if way == ENTRY or not plate.inside or len(plate.held) != 1 or (len(all_seen) > 1 and all_seen[-2].way == ENTRY):
        return None
    clock, entry = state.clock, all_seen[-1]
    rules, counters = clock.rules[-1], clock.counters
    ((entry_visit, (_, due_us)),) = plate.held.items()
    kept_us = rules.finality_us + rules.duplicate_window_us
    in_time = entry.way == ENTRY and entry.at_us <= at_us <= due_us
    if not in_time or all_seen[0].at_us < clock.recorded_at_us - kept_us:
        return None
    visit_id = f"exit:{id_}"
    if said and (visit_id in said or entry_visit in said):
        return None
    all_seen.append(seen)
    said[visit_id] = Said(1, Outcome.COMPLETED, entry.id, id_)
    plate.held = {}
    plate.inside = False
    state.agendas[EXIT].drop(f"{name}{SEPARATOR}{entry_visit}")
    counters.exited += 1
    counters.held -= 1
    counters.inside -= 1
    counters.completed += 1
    counters.spoken += 1
    _keep(state, name, plate, at_us + kept_us)
    return Spoken(name, visit_id, 1, Outcome.COMPLETED, entry, seen, seen, position, None)


def given_up(state: State, name: str, plate: Plate, visit_id: str, position: int) -> Spoken | None:
    """Say the held visit of a plate that was seen once; None when it was seen more often."""
    if len(plate.seen) != 1 or plate.said:
        return None
    (seen,) = plate.seen
    counters = state.clock.counters
    plate.held = {}
    counters.held -= 1
    counters.spoken += 1
    if seen.way == ENTRY:
        counters.inside -= plate.inside
        counters.exit_missed += 1
        plate.inside = False
        plate.said[visit_id] = Said(1, Outcome.EXIT_MISSED, seen.id, None)
        return Spoken(name, visit_id, 1, Outcome.EXIT_MISSED, seen, None, seen, position, None)
    counters.entry_missed += 1
    plate.said[visit_id] = Said(1, Outcome.ENTRY_MISSED, None, seen.id)
    return Spoken(name, visit_id, 1, Outcome.ENTRY_MISSED, None, seen, seen, position, None)


def _keep(state: State, name: str, plate: Plate, until_us: int) -> None:
    """Remember the plate until the day after *until_us* begins."""
    until_us += DAY_US - until_us % DAY_US
    if until_us != plate.keep_until_us:
        plate.keep_until_us = until_us
        state.agendas[RECORDED].put(until_us, name)

"""The two commonest records, taken in without pairing the whole plate: a car is seen first, a car leaves.

Both do what ``Bookkeeping.revise`` would do (a property test compares them), at a third of its cost.
"""

from parkstream_events.summaries import Outcome

from parkstream_visits.agenda import SEPARATOR
from parkstream_visits.memory import Plate, Said, State
from parkstream_visits.pairing import ENTRY, EXIT, Seen
from parkstream_visits.rules import DAY_US
from parkstream_visits.spoken import Spoken


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
    agendas[2].put(until, name)
    counters.held += 1
    if way == ENTRY:
        counters.inside += 1
        counters.entered += 1
    else:
        counters.exited += 1
    return True


def left(state: State, name: str, plate: Plate, seen: Seen) -> Spoken | None:
    """Complete the plate's only visit with the exit *seen*; None when the plate is not that simple."""
    at_us, way, id_, _, position, _, _ = seen
    if way == ENTRY or not plate.inside or len(plate.seen) != 1 or plate.said:
        return None
    clock, agendas = state.clock, state.agendas
    rules, counters = clock.rules[-1], clock.counters
    entry = plate.seen[0]
    ((entry_visit, (_, due_us)),) = plate.held.items()
    kept_us = rules.finality_us + rules.duplicate_window_us
    if not entry.at_us <= at_us <= due_us or entry.at_us < clock.recorded_at_us - kept_us:
        return None
    visit_id = f"exit:{id_}"
    plate.seen.append(seen)
    plate.said[visit_id] = Said(1, Outcome.COMPLETED, entry.id, id_)
    plate.held = {}
    plate.inside = False
    agendas[EXIT].drop(f"{name}{SEPARATOR}{entry_visit}")
    counters.exited += 1
    counters.held -= 1
    counters.inside -= 1
    counters.completed += 1
    counters.spoken += 1
    until = at_us + kept_us
    until += DAY_US - until % DAY_US
    if until != plate.keep_until_us:
        plate.keep_until_us = until
        agendas[2].put(until, name)
    return Spoken(name, visit_id, 1, Outcome.COMPLETED, entry, seen, seen, position, None)

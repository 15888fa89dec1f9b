"""The two commonest records, taken in without pairing the whole plate: a car is seen first, a car leaves.

Both do what ``Bookkeeping.revise`` would do (a property test compares them), at a third of its cost.
"""

from parkstream_events.summaries import Outcome

from parkstream_visits.agenda import SEPARATOR, Agenda
from parkstream_visits.memory import Plate, Said, State
from parkstream_visits.pairing import ENTRY, EXIT, Seen
from parkstream_visits.rules import DAY_US
from parkstream_visits.spoken import Spoken


def seen_first(state: State, name: str, seen: Seen) -> bool:
    """Begin the plate *name* with *seen*, held; False when it is not held, because it is due already."""
    clock = state.clock
    rules = clock.rules[-1]
    entering = seen.way == ENTRY
    waits_for = EXIT if entering else ENTRY
    end_us = seen.at_us + rules.max_stay_us if entering else seen.at_us
    if clock.watermarks[waits_for] > end_us + rules.allowed_lateness_us:
        return False
    visit_id = f"entry:{seen.id}" if entering else f"exit:{seen.id}"
    until = end_us + rules.finality_us + rules.duplicate_window_us
    until += DAY_US - until % DAY_US
    state.plates[name] = Plate([seen], {}, {visit_id: (waits_for, end_us)}, entering, 0, 0, until)
    state.agendas[waits_for].put(end_us, f"{name}{SEPARATOR}{visit_id}")
    state.agendas[Agenda.RECORDED].put(until, name)
    clock.counters.held += 1
    clock.counters.inside += entering
    return True


def left(state: State, name: str, plate: Plate, seen: Seen, position: int) -> Spoken | None:
    """Complete the plate's only visit with the exit *seen*; None when the plate is not that simple."""
    if seen.way == ENTRY or not plate.inside or len(plate.seen) != 1 or plate.said:
        return None
    clock = state.clock
    rules = clock.rules[-1]
    entry = plate.seen[0]
    ((entry_visit, (_, due_us)),) = plate.held.items()
    horizon = clock.recorded_at_us - rules.finality_us - rules.duplicate_window_us
    if not entry.at_us <= seen.at_us <= due_us or entry.at_us < horizon:
        return None
    visit_id = f"exit:{seen.id}"
    plate.seen.append(seen)
    plate.said[visit_id] = Said(1, Outcome.COMPLETED, entry.id, seen.id)
    plate.held = {}
    plate.inside = False
    state.agendas[EXIT].drop(f"{name}{SEPARATOR}{entry_visit}")
    counters = clock.counters
    counters.held -= 1
    counters.inside -= 1
    counters.completed += 1
    counters.spoken += 1
    until = seen.at_us + rules.finality_us + rules.duplicate_window_us
    until += DAY_US - until % DAY_US
    if until != plate.keep_until_us:
        plate.keep_until_us = until
        state.agendas[Agenda.RECORDED].put(until, name)
    return Spoken(name, visit_id, 1, Outcome.COMPLETED, entry, seen, seen, position, None)

"""The commonest records, taken in without pairing the whole plate: entry, next entry, exit, end of waiting.

All do what ``PlateLedger`` does (a property test compares them), at a third of its cost.
"""

from parkstream_events.summaries import Outcome
from parkstream_events.units import DAY_US

from parkstream_visits.emitted import Emitted
from parkstream_visits.plate_visits import ENTRY, EXIT, PlateSighting
from parkstream_visits.state import SIGHTINGS_MAX, LastEmitted, Plate, State
from parkstream_visits.timers import SEPARATOR, Timer

MISSING_ENTRY, MISSING_EXIT, FORGETTING = (int(timer) for timer in Timer)


def first_sighting(state: State, name: str, sighting: PlateSighting) -> bool:
    """Begin the plate *name* with a pending visit; False when that is due already."""
    clock, counters = state.clock, state.clock.counters
    rules, visit_id, is_entry = clock.rules[-1], sighting.visit_id, sighting.way == ENTRY
    timer, stay_us = (MISSING_EXIT, rules.max_stay_us) if is_entry else (MISSING_ENTRY, 0)
    due_us = sighting.due_us + stay_us
    if clock.gates.watermark_us > due_us + rules.allowed_lateness_us:
        return False
    until = sighting.at_us + stay_us + rules.finality_us + rules.duplicate_window_us
    until += DAY_US - until % DAY_US
    state.plates[name] = Plate([sighting], {}, {visit_id: (timer, due_us)}, is_entry, 0, 0, until)
    state.timers[timer].put(due_us, f"{name}{SEPARATOR}{visit_id}")
    state.timers[FORGETTING].put(until, name)
    if is_entry:
        counters.inside += 1
        counters.entered += 1
    else:
        counters.pending += 1
        counters.exited += 1
    return True


def next_entry(state: State, name: str, plate: Plate, sighting: PlateSighting) -> bool:
    """Begin the next visit of a plate that left, pending; False unless all before it was emitted."""
    before = plate.sightings[-1]
    if sighting.way != ENTRY or plate.pending or before.way == ENTRY or sighting.at_us <= before.at_us:
        return False
    clock, counters = state.clock, state.clock.counters
    rules, visit_id = clock.rules[-1], sighting.visit_id
    due_us = sighting.due_us + rules.max_stay_us
    kept_us = rules.finality_us + rules.duplicate_window_us
    is_due = clock.gates.watermark_us > due_us + rules.allowed_lateness_us
    if is_due or visit_id in plate.emitted or not _has_room(state, plate, kept_us):
        return False
    plate.sightings.append(sighting)
    plate.pending = {visit_id: (MISSING_EXIT, due_us)}
    plate.inside = True
    state.timers[MISSING_EXIT].put(due_us, f"{name}{SEPARATOR}{visit_id}")
    counters.entered += 1
    counters.inside += 1
    _keep(state, name, plate, sighting.at_us + rules.max_stay_us + kept_us)
    return True


def exit_after_entry(state: State, name: str, plate: Plate, sighting: PlateSighting) -> Emitted | None:
    """Complete the plate's last visit with an exit; None when the plate is not that simple."""
    sightings, emitted = plate.sightings, plate.emitted
    is_simple = plate.inside and len(plate.pending) == 1 and (len(sightings) == 1 or sightings[-2].way == EXIT)
    if sighting.way == ENTRY or not is_simple:
        return None
    clock, entry = state.clock, sightings[-1]
    rules, counters = clock.rules[-1], clock.counters
    kept_us = rules.finality_us + rules.duplicate_window_us
    stays = entry.way == ENTRY and entry.at_us <= sighting.at_us <= entry.at_us + clock.rules[entry.rules].max_stay_us
    if not stays or not _has_room(state, plate, kept_us):
        return None
    ((entry_visit, _),) = plate.pending.items()
    visit_id = sighting.visit_id
    if emitted and (visit_id in emitted or entry_visit in emitted):
        return None
    sightings.append(sighting)
    emitted[visit_id] = LastEmitted(1, Outcome.COMPLETED, entry.identity, sighting.identity, sighting.position)
    plate.pending = {}
    plate.inside = False
    state.timers[MISSING_EXIT].drop(f"{name}{SEPARATOR}{entry_visit}")
    counters.exited += 1
    counters.inside -= 1
    counters.completed += 1
    counters.emitted += 1
    _keep(state, name, plate, sighting.at_us + kept_us)
    return Emitted(name, visit_id, 1, Outcome.COMPLETED, entry, sighting, sighting, sighting.position, None)


def release_single(state: State, name: str, plate: Plate, visit_id: str, position: int) -> Emitted | None:
    """Emit the pending visit of a plate with one sighting; None when it has more."""
    if len(plate.sightings) != 1 or plate.emitted:
        return None
    (sighting,) = plate.sightings
    counters = state.clock.counters
    plate.pending = {}
    counters.emitted += 1
    if sighting.way == ENTRY:
        counters.inside -= 1
        counters.exit_missed += 1
        plate.inside = False
        plate.emitted[visit_id] = LastEmitted(1, Outcome.EXIT_MISSED, sighting.identity, None, position)
        return Emitted(name, visit_id, 1, Outcome.EXIT_MISSED, sighting, None, sighting, position, None)
    counters.pending -= 1
    counters.entry_missed += 1
    plate.emitted[visit_id] = LastEmitted(1, Outcome.ENTRY_MISSED, None, sighting.identity, position)
    return Emitted(name, visit_id, 1, Outcome.ENTRY_MISSED, None, sighting, sighting, position, None)


def _has_room(state: State, plate: Plate, kept_us: int) -> bool:
    """Whether another sighting fits, and none of those that are there may be final."""
    sightings = plate.sightings
    return len(sightings) < SIGHTINGS_MAX and sightings[0].at_us >= state.clock.recorded_at_us - kept_us


def _keep(state: State, name: str, plate: Plate, until_us: int) -> None:
    """Remember the plate until the day after *until_us* begins."""
    until_us += DAY_US - until_us % DAY_US
    if until_us != plate.keep_until_us:
        plate.keep_until_us = until_us
        state.timers[FORGETTING].put(until_us, name)

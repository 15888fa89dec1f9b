"""The commonest records, taken in without pairing the whole plate: entry, next entry, exit, end of waiting.

All do what ``PlateLedger`` does (a property test compares them), at a third of its cost.
"""

from typing import Final

from parkstream_events.summaries import Outcome
from parkstream_events.units import DAY_US

from parkstream_visits.emitted import Emitted
from parkstream_visits.plate_visits import ENTRY, EXIT, PlateSighting
from parkstream_visits.state import LastEmitted, Plate, State
from parkstream_visits.timers import SEPARATOR, Timer

RECORDED: Final = int(Timer.RECORDED)


def first_sighting(state: State, name: str, sighting: PlateSighting) -> bool:
    """Begin the plate *name* with a pending visit; False when that is due already."""
    clock, timers = state.clock, state.timers
    rules, counters = clock.rules[-1], clock.counters
    at_us, way, visit_id = sighting.at_us, sighting.way, sighting.visit_id
    waits_for, end_us = (EXIT, at_us + rules.max_stay_us) if way == ENTRY else (ENTRY, at_us)
    if clock.watermarks[waits_for] > end_us + rules.allowed_lateness_us:
        return False
    until = end_us + rules.finality_us + rules.duplicate_window_us
    until += DAY_US - until % DAY_US
    state.plates[name] = Plate([sighting], {}, {visit_id: (waits_for, end_us)}, way == ENTRY, 0, 0, until)
    timers[waits_for].put(end_us, f"{name}{SEPARATOR}{visit_id}")
    timers[RECORDED].put(until, name)
    counters.pending += 1
    if way == ENTRY:
        counters.inside += 1
        counters.entered += 1
    else:
        counters.exited += 1
    return True


def next_entry(state: State, name: str, plate: Plate, sighting: PlateSighting) -> bool:
    """Begin the next visit of a plate that left, pending; False unless all before it was emitted."""
    at_us = sighting.at_us
    before = plate.sightings[-1]
    if sighting.way != ENTRY or plate.pending or before.way == ENTRY or at_us <= before.at_us:
        return False
    clock, timers = state.clock, state.timers
    rules, counters = clock.rules[-1], clock.counters
    end_us, visit_id = at_us + rules.max_stay_us, sighting.visit_id
    kept_us = rules.finality_us + rules.duplicate_window_us
    due = clock.watermarks[EXIT] > end_us + rules.allowed_lateness_us
    if due or visit_id in plate.emitted or plate.sightings[0].at_us < clock.recorded_at_us - kept_us:
        return False
    plate.sightings.append(sighting)
    plate.pending = {visit_id: (EXIT, end_us)}
    plate.inside = True
    timers[EXIT].put(end_us, f"{name}{SEPARATOR}{visit_id}")
    counters.entered += 1
    counters.pending += 1
    counters.inside += 1
    _keep(state, name, plate, end_us + kept_us)
    return True


def exit_after_entry(state: State, name: str, plate: Plate, sighting: PlateSighting) -> Emitted | None:
    """Complete the plate's last visit with an exit; None when the plate is not that simple."""
    at_us = sighting.at_us
    sightings, emitted = plate.sightings, plate.emitted
    is_simple = plate.inside and len(plate.pending) == 1 and (len(sightings) == 1 or sightings[-2].way == EXIT)
    if sighting.way == ENTRY or not is_simple:
        return None
    clock, entry = state.clock, sightings[-1]
    rules, counters = clock.rules[-1], clock.counters
    ((entry_visit, (_, due_us)),) = plate.pending.items()
    kept_us = rules.finality_us + rules.duplicate_window_us
    in_time = entry.way == ENTRY and entry.at_us <= at_us <= due_us
    if not in_time or sightings[0].at_us < clock.recorded_at_us - kept_us:
        return None
    visit_id = sighting.visit_id
    if emitted and (visit_id in emitted or entry_visit in emitted):
        return None
    sightings.append(sighting)
    emitted[visit_id] = LastEmitted(1, Outcome.COMPLETED, entry.id, sighting.id)
    plate.pending = {}
    plate.inside = False
    state.timers[EXIT].drop(f"{name}{SEPARATOR}{entry_visit}")
    counters.exited += 1
    counters.pending -= 1
    counters.inside -= 1
    counters.completed += 1
    counters.emitted += 1
    _keep(state, name, plate, at_us + kept_us)
    return Emitted(name, visit_id, 1, Outcome.COMPLETED, entry, sighting, sighting, sighting.position, None)


def release_single(state: State, name: str, plate: Plate, visit_id: str, position: int) -> Emitted | None:
    """Emit the pending visit of a plate with one sighting; None when it has more."""
    if len(plate.sightings) != 1 or plate.emitted:
        return None
    (sighting,) = plate.sightings
    counters = state.clock.counters
    plate.pending = {}
    counters.pending -= 1
    counters.emitted += 1
    if sighting.way == ENTRY:
        counters.inside -= plate.inside
        counters.exit_missed += 1
        plate.inside = False
        plate.emitted[visit_id] = LastEmitted(1, Outcome.EXIT_MISSED, sighting.id, None)
        return Emitted(name, visit_id, 1, Outcome.EXIT_MISSED, sighting, None, sighting, position, None)
    counters.entry_missed += 1
    plate.emitted[visit_id] = LastEmitted(1, Outcome.ENTRY_MISSED, None, sighting.id)
    return Emitted(name, visit_id, 1, Outcome.ENTRY_MISSED, None, sighting, sighting, position, None)


def _keep(state: State, name: str, plate: Plate, until_us: int) -> None:
    """Remember the plate until the day after *until_us* begins."""
    until_us += DAY_US - until_us % DAY_US
    if until_us != plate.keep_until_us:
        plate.keep_until_us = until_us
        state.timers[RECORDED].put(until_us, name)

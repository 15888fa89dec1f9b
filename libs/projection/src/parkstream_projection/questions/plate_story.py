"""A plate's story out of the log: only the records that it needs are read where these are known."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final, NamedTuple

from parkstream_eventlog import EventLog, position_at, positions_of
from parkstream_eventlog.prefetch import records_of
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds
from parkstream_visits import PlateSighting, RecordedEvent, Rules, Story, StoryFold

from parkstream_projection.codec import recorded_event_of
from parkstream_projection.opened import Note, NotFoundError, Opened, Reached
from parkstream_projection.reads import Present

BATCH: Final = 1_000
SETTLED: Final = 1_000
"""Rules usually change when a backend starts: before so many records."""


class Asked(NamedTuple):
    """The plate that is asked for, and the sighting that it was found by, if it was."""

    plate: str
    found: RecordedEvent | None


class Way(NamedTuple):
    """From which position to read, under which rules; *seen*: the plate's sightings, when nothing else matters."""

    first: int
    rules: list[Rules]
    seen: Sequence[PlateSighting] | None


async def asked_for(it: Opened, visit_id: str, reached: Reached, note: Note) -> Asked:
    """Return the plate of a visit: by the id index, else by reading the log; raise ``NotFoundError`` without one."""
    event_id = visit_id.partition(":")[2]
    for position in await positions_of(it.redis, it.keys, event_id):
        (record,) = await it.log.read(position - 1, 1)
        if asked := _asked(recorded_event_of(record), visit_id):
            return asked
    note(f"the id index does not know {event_id}: reading the log")
    end = (await it.log.state()).position
    async with aclosing(records_of(it.log, 0, end, lambda done: reached(done, end))) as records:
        async for record in records:
            if record.id == event_id and (asked := _asked(recorded_event_of(record), visit_id)):
                return asked
    message = f"no record of the log begins or ends a visit {visit_id}: is that its id, as in the summary file?"
    raise NotFoundError(message)


async def story_of(it: Opened, asked: Asked, reached: Reached, note: Note) -> Story:
    """Return the story of a plate, up to the end of the log or to where nothing more can follow."""
    present, plate = await it.reads.remembered(asked.plate)
    if plate is not None and _covers(plate.sightings, asked.found):
        way = await _remembered(it, present, plate.sightings)
    elif asked.found is not None:
        way = await _around(it, present, asked.found, note)
    else:
        note(f"nothing of {asked.plate} is remembered: reading the log from its beginning")
        way = Way(1, [Rules()], None)
    fold = await _read(it.log, asked, way, reached)
    if way.seen is not None and plate is not None and not fold.agrees_with(plate):
        note("a decision restated visits: reading the log from there on")
        fold = await _read(it.log, asked, way._replace(seen=None), reached)
    return fold.story()


async def _remembered(it: Opened, present: Present, seen: Sequence[PlateSighting]) -> Way:
    """Begin where the first of the remembered sightings happened: what was recorded before cannot matter to them."""
    by_position = sorted(seen, key=lambda one: one.position)
    first = by_position[0]
    begin = min(first.position, await position_at(it.log, min(one.at_us for one in seen)))
    index = first.rules - await _rule_changes(it.log, begin, first.position)
    counters, rules = present.clock.counters, present.clock.rules
    complete = not counters.too_late_entries + counters.too_late_exits  # What came too late is not remembered.
    settled = first.rules == len(rules) - 1
    return Way(begin, rules[: index + 1], by_position if complete and settled else None)


async def _around(it: Opened, present: Present, found: RecordedEvent, note: Note) -> Way:
    """Begin as long before the sighting *found* as a stay may take; the rest of its visit can only be later."""
    rules = present.clock.rules
    longest_us = max(one.max_stay_us + one.duplicate_window_us for one in rules)
    first = min(found.position, await position_at(it.log, _happened_us(found) - longest_us))
    if len(rules) > 1:
        early = await _rule_changes(it.log, 1, min(SETTLED, found.position) + 1)
        if first <= SETTLED or early != len(rules) - 1:
            first, rules = 1, rules[:1]
    note(f"it is not remembered any more: reading the log from record {first}")
    return Way(first, list(rules), None)


async def _read(log: EventLog, asked: Asked, way: Way, reached: Reached) -> StoryFold:
    """Return the story as far as it is read; where the plate's sightings are known, the rest is jumped over."""
    fold = StoryFold(asked.plate, way.rules)
    end = (await log.state()).position
    after, taken = way.first - 1, 0
    while after < end and (records := await log.read(after, min(BATCH, end - after))):
        for record in records:
            fold.take(recorded_event_of(record))
        after, taken = records[-1].position, taken + len(records)
        reached(taken, end - way.first + 1)
        if way.seen is not None:
            to_come = [seen for seen in way.seen if seen.position > after]
            needed_us = fold.needed_from_us(to_come)
            if needed_us is None:
                break
            jump = min(await position_at(log, needed_us), to_come[0].position if to_come else end + 1)
            after = max(after, jump - 1)
        elif asked.found is not None and _is_final(fold, asked.found):
            break
    return fold


def _covers(seen: Sequence[PlateSighting], found: RecordedEvent | None) -> bool:
    return found is None or any(one.position == found.position for one in seen)


def _asked(recorded: RecordedEvent, visit_id: str) -> Asked | None:
    event = recorded.event
    if isinstance(event, VehicleEntered | VehicleExited) and visit_id == f"{event.direction.name.lower()}:{event.id}":
        return Asked(event.vehicle_plate, recorded)
    return None


def _happened_us(recorded: RecordedEvent) -> int:
    assert isinstance(recorded.event, VehicleEntered | VehicleExited)
    return microseconds(recorded.event.event_time)


def _is_final(fold: StoryFold, found: RecordedEvent) -> bool:
    """Return whether the visits of the sighting *found* cannot change any more."""
    rules = fold.rules[-1]
    end_us = _happened_us(found) + rules.max_stay_us
    return fold.recorded_at_us > end_us + rules.finality_us + rules.duplicate_window_us


async def _rule_changes(log: EventLog, first: int, beyond: int) -> int:
    """Return how many records from *first* to before *beyond* change the rules."""
    types = [record.type async for record in records_of(log, first - 1, beyond - 1)]
    return sum(type_.startswith("rules.changed.") for type_ in types)

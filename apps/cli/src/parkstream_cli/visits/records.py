"""Which records a plate's story needs, and reading no others where that is known."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from parkstream_eventlog import EventLog, position_at, positions_of
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds
from parkstream_projection import Present, recorded_event_of
from parkstream_visits import PlateSighting, RecordedEvent, Rules, StoryFold

from parkstream_cli.connections import Opened
from parkstream_cli.errors import ToolError
from parkstream_cli.output import note
from parkstream_cli.progress import Reached, progress

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


async def asked_for(it: Opened, visit_id: str) -> Asked:
    """Return the plate of a visit: by the id index, else by reading the log; raise ``ToolError`` when there is none."""
    event_id = visit_id.partition(":")[2]
    for position in await positions_of(it.redis, it.keys, event_id):
        (record,) = await it.log.read(position - 1, 1)
        if asked := _asked(recorded_event_of(record), visit_id):
            return asked
    note(f"the id index does not know {event_id}: reading the log")
    end = (await it.log.state()).position
    with progress("reading", end) as reached:
        for after in range(0, end, BATCH):
            for record in await it.log.read(after, BATCH):
                if record.id == event_id and (asked := _asked(recorded_event_of(record), visit_id)):
                    return asked
            reached(after)
    message = f"no record of the log begins or ends a visit {visit_id}: is that its id, as in the summary file?"
    raise ToolError(message)


async def told_of(it: Opened, asked: Asked) -> StoryFold:
    """Return the story of a plate, told up to the end of the log or to where nothing more can follow."""
    present, plate = await it.reads.remembered(asked.plate)
    if plate is not None and _covers(plate.sightings, asked.found):
        way = await _remembered(it, present, plate.sightings)
    elif asked.found is not None:
        way = await _around(it, present, asked.found)
    else:
        note(f"nothing of {asked.plate} is remembered: reading the log from its beginning")
        way = Way(1, [Rules()], None)
    telling = await _told(it.log, asked, way)
    if way.seen is not None and plate is not None and not telling.agrees_with(plate):
        note("a decision said visits again: reading the log from there on")
        telling = await _told(it.log, asked, way._replace(seen=None))
    return telling


async def _told(log: EventLog, asked: Asked, way: Way) -> StoryFold:
    telling = StoryFold(asked.plate, way.rules)
    with progress("reading") as reached:
        await _tell(log, telling, way, asked.found, reached)
    return telling


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


async def _around(it: Opened, present: Present, found: RecordedEvent) -> Way:
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


async def _tell(log: EventLog, telling: StoryFold, way: Way, found: RecordedEvent | None, reached: Reached) -> None:
    end = (await log.state()).position
    after, taken = way.first - 1, 0
    while after < end and (records := await log.read(after, min(BATCH, end - after))):
        for record in records:
            telling.take(recorded_event_of(record))
        after, taken = records[-1].position, taken + len(records)
        reached(taken, end - way.first + 1)
        if way.seen is not None:
            to_come = [seen for seen in way.seen if seen.position > after]
            needed_us = telling.needed_from_us(to_come)
            if needed_us is None:
                return
            jump = min(await position_at(log, needed_us), to_come[0].position if to_come else end + 1)
            after = max(after, jump - 1)
        elif found is not None and _is_final(telling, found):
            return


def _covers(seen: Sequence[PlateSighting], found: RecordedEvent | None) -> bool:
    return found is None or any(one.position == found.position for one in seen)


def _asked(fact: RecordedEvent, visit_id: str) -> Asked | None:
    event = fact.event
    if isinstance(event, VehicleEntered | VehicleExited) and visit_id == f"{event.direction.name.lower()}:{event.id}":
        return Asked(event.vehicle_plate, fact)
    return None


def _happened_us(fact: RecordedEvent) -> int:
    assert isinstance(fact.event, VehicleEntered | VehicleExited)
    return microseconds(fact.event.event_time)


def _is_final(telling: StoryFold, found: RecordedEvent) -> bool:
    """Return whether the visits of the sighting *found* cannot change any more."""
    rules = telling.rules[-1]
    end_us = _happened_us(found) + rules.max_stay_us
    return telling.recorded_at_us > end_us + rules.finality_us + rules.duplicate_window_us


async def _rule_changes(log: EventLog, first: int, beyond: int) -> int:
    """Return how many records from *first* to before *beyond* change the rules."""
    changes = 0
    for after in range(first - 1, beyond - 1, BATCH):
        records = await log.read(after, min(BATCH, beyond - 1 - after))
        changes += sum(record.type.startswith("rules.changed.") for record in records)
    return changes

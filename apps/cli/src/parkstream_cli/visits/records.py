"""Which records a plate's story needs, and reading no others where that is known."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from parkstream_eventlog import EventLog, positions_of
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds
from parkstream_projection import recorded_event_of
from parkstream_visits import PlateSighting, RecordedEvent, RememberedStory, StoryFold
from parkstream_visits.plate_visits import event_of, visit_id_of

from parkstream_cli.connections import Opened
from parkstream_cli.errors import ToolError
from parkstream_cli.output import note
from parkstream_cli.progress import progress

BATCH: Final = 1_000


class Asked(NamedTuple):
    """The plate that is asked for, and the sighting that it was found by, if it was."""

    plate: str
    found: RecordedEvent | None


async def asked_for(it: Opened, visit_id: str) -> Asked:
    """Return the plate of a visit: by the id index, else by reading the log; raise ``ToolError`` when there is none."""
    event_id = _event_id(visit_id)
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
    """Return the story of a plate, told up to the end of the log or to where nothing more can follow.

    While the plate is remembered, and nothing of it was corrected, its own records and those that released its visits
    are all that is needed. Else it takes the whole log: what released a visit depends on every gate.
    """
    present, plate = await it.reads.remembered(asked.plate)
    counters = present.clock.counters
    ignored = counters.too_late_entries + counters.too_late_exits + counters.too_many_entries + counters.too_many_exits
    if plate is not None and not ignored and _covers(plate.sightings, asked.found):
        remembered = RememberedStory(asked.plate, plate, present.clock.rules)
        for position in remembered.positions:
            (record,) = await it.log.read(position - 1, 1)
            remembered.take(recorded_event_of(record))
        if remembered.is_told:
            return remembered
    note("reading the log from its beginning: a visit was corrected, or is not remembered any more")
    return await _whole(it.log, asked)


async def _whole(log: EventLog, asked: Asked) -> StoryFold:
    telling, end = StoryFold(asked.plate), (await log.state()).position
    with progress("reading", end) as reached:
        for after in range(0, end, BATCH):
            for record in await log.read(after, BATCH):
                telling.take(recorded_event_of(record))
            reached(min(after + BATCH, end))
            if asked.found is not None and _is_final(telling, asked.found):
                break
    return telling


def _covers(seen: Sequence[PlateSighting], found: RecordedEvent | None) -> bool:
    return found is None or any(one.position == found.position for one in seen)


def _event_id(visit_id: str) -> str:
    """Return the id of the event that *visit_id* is made of; its time may be left out."""
    event = event_of(visit_id)
    return visit_id.partition(":")[2] if event is None else event[1]


def _asked(fact: RecordedEvent, visit_id: str) -> Asked | None:
    event = fact.event
    if not isinstance(event, VehicleEntered | VehicleExited):
        return None
    whole = visit_id_of(event.direction, event.id, microseconds(event.event_time))
    return Asked(event.vehicle_plate, fact) if visit_id in {whole, whole.rpartition("@")[0]} else None


def _happened_us(fact: RecordedEvent) -> int:
    assert isinstance(fact.event, VehicleEntered | VehicleExited)
    return microseconds(fact.event.event_time)


def _is_final(telling: StoryFold, found: RecordedEvent) -> bool:
    """Return whether the visits of the sighting *found* cannot change any more."""
    rules = telling.rules[-1]
    end_us = _happened_us(found) + rules.max_stay_us
    return telling.recorded_at_us > end_us + rules.finality_us + rules.duplicate_window_us

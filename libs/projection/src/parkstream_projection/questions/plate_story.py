"""A plate's story out of the log: only the records that it needs are read where these are known."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import NamedTuple

from parkstream_eventlog import EventLog, positions_of
from parkstream_eventlog.prefetch import records_of
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds
from parkstream_visits import PlateSighting, RecordedEvent, RememberedStory, Story, StoryFold
from parkstream_visits.plate_visits import event_of, visit_id_of

from parkstream_projection.codec import recorded_event_of
from parkstream_projection.opened import Note, NotFoundError, Opened, Reached


class Asked(NamedTuple):
    """The plate that is asked for, and the sighting that it was found by, if it was."""

    plate: str
    found: RecordedEvent | None


async def asked_for(it: Opened, visit_id: str, reached: Reached, note: Note) -> Asked:
    """Return the plate of a visit: by the id index, else by reading the log; raise ``NotFoundError`` without one."""
    event_id = event_id_of(visit_id)
    for position in await positions_of(it.redis, it.keys, event_id):
        (record,) = await it.log.read(position - 1, 1)
        if asked := asked_of(recorded_event_of(record), visit_id):
            return asked
    note(f"the id index does not know {event_id}: reading the log")
    end = (await it.log.state()).position
    async with aclosing(records_of(it.log, 0, end, lambda done: reached(done, end))) as records:
        async for record in records:
            if record.id == event_id and (asked := asked_of(recorded_event_of(record), visit_id)):
                return asked
    message = f"no record of the log begins or ends a visit {visit_id}: is that its id, as in the summary file?"
    raise NotFoundError(message)


async def story_of(it: Opened, asked: Asked, reached: Reached, note: Note) -> Story:
    """Return the story of a plate, up to the end of the log or to where nothing more can follow.

    While the plate is remembered, and nothing of it was corrected, its own records and those that released its visits
    are all that is needed. Else it takes the whole log: what released a visit depends on every gate.
    """
    if story := await remembered_story(it, asked):
        return story
    note("a visit was corrected, or is not remembered any more: reading the log from its beginning")
    return await _whole(it.log, asked, reached)


async def remembered_story(it: Opened, asked: Asked) -> Story | None:
    """Return the story of a plate out of the few records that it needs; None when it takes the whole log."""
    present, plate = await it.reads.remembered(asked.plate)
    counters = present.clock.counters
    ignored = counters.too_late_entries + counters.too_late_exits + counters.too_many_entries + counters.too_many_exits
    if plate is not None and not ignored and _covers(plate.sightings, asked.found):
        fold = RememberedStory(asked.plate, plate, present.clock.rules)
        for position in fold.positions:
            (record,) = await it.log.read(position - 1, 1)
            fold.take(recorded_event_of(record))
        if fold.is_whole:
            return fold.story()
    return None


async def _whole(log: EventLog, asked: Asked, reached: Reached) -> Story:
    fold, end = StoryFold(asked.plate), (await log.state()).position
    async with aclosing(records_of(log, 0, end, lambda done: reached(done, end))) as records:
        async for record in records:
            fold.take(recorded_event_of(record))
            if asked.found is not None and is_final(fold, asked.found):
                break
    return fold.story()


def _covers(seen: Sequence[PlateSighting], found: RecordedEvent | None) -> bool:
    return found is None or any(one.position == found.position for one in seen)


def event_id_of(visit_id: str) -> str:
    """Return the id of the event that *visit_id* is made of; its time may be left out."""
    event = event_of(visit_id)
    return visit_id.partition(":")[2] if event is None else event[1]


def asked_of(recorded: RecordedEvent, visit_id: str) -> Asked | None:
    """Return the plate of *recorded*, if it is the sighting that *visit_id* is made of; its time may be left out."""
    event = recorded.event
    if not isinstance(event, VehicleEntered | VehicleExited):
        return None
    whole = visit_id_of(event.direction, event.id, microseconds(event.event_time))
    return Asked(event.vehicle_plate, recorded) if visit_id in {whole, whole.rpartition("@")[0]} else None


def _happened_us(recorded: RecordedEvent) -> int:
    assert isinstance(recorded.event, VehicleEntered | VehicleExited)
    return microseconds(recorded.event.event_time)


def is_final(fold: StoryFold, found: RecordedEvent) -> bool:
    """Return whether the visits of the sighting *found* cannot change any more."""
    rules = fold.rules[-1]
    end_us = _happened_us(found) + rules.max_stay_us
    return fold.recorded_at_us > end_us + rules.finality_us + rules.duplicate_window_us

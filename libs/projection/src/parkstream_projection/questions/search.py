"""Records by plate, type, id and time: by the id index where that is possible, else by a scan between two positions."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from msgspec import Struct
from parkstream_eventlog import EventLog, Record, position_at, positions_of
from parkstream_eventlog.prefetch import records_of
from parkstream_events import wire
from parkstream_events.decisions import OPERATOR_ACTED, OperatorActed
from parkstream_events.sightings import VehicleEntered, VehicleExited

from parkstream_projection.codec import recorded_event_of
from parkstream_projection.opened import Note, Opened, Reached

SHORT_TYPES: Final = {
    "entered": "vehicle.entered.",
    "exited": "vehicle.exited.",
    "watermark": "watermark.",
    "rules": "rules.",
    "acknowledged": "record.acknowledged.",
    "acted": "operator.acted.",
}


class Wanted(Struct, frozen=True, kw_only=True):
    """What a record must be like; None does not matter. A *type* may be short, or end before its version."""

    plate: str | None = None
    type: str | None = None
    id: str | None = None
    recorded_from_us: int | None = None
    recorded_to_us: int | None = None

    def wants(self, record: Record) -> bool:
        """Return whether *record* is one, its time aside."""
        return (
            (self.id is None or record.id == self.id)
            and (self.type is None or name_of(record).startswith(SHORT_TYPES.get(self.type, self.type)))
            and (self.plate is None or self.plate == _plate_of(record))
        )


async def found(it: Opened, wanted: Wanted, reached: Reached, note: Note) -> AsyncGenerator[Record, None]:
    """Yield the records that are *wanted*, in the order of the log."""
    first, beyond = await _between(it.log, wanted)
    if wanted.id is not None:
        positions = await positions_of(it.redis, it.keys, wanted.id)
        for position in positions:
            (record,) = await it.log.read(position - 1, 1)
            if first <= position < beyond and wanted.wants(record):
                yield record
        if positions:
            return
        note(f"the id index does not know {wanted.id}: reading the log")
    total = beyond - first
    async with aclosing(records_of(it.log, first - 1, beyond - 1, lambda done: reached(done, total))) as records:
        async for record in records:
            if wanted.wants(record):
                yield record


async def _between(log: EventLog, wanted: Wanted) -> tuple[int, int]:
    """Return the first position to look at, and the first no more to look at."""
    state = await log.state()
    first, beyond = 1, state.position + 1
    if wanted.recorded_from_us is not None:
        first = await position_at(log, wanted.recorded_from_us)
    if wanted.recorded_to_us is not None:
        beyond = await position_at(log, wanted.recorded_to_us)
    return first, max(first, beyond)


def name_of(record: Record) -> str:
    """Return what *record* is called where it is shown: its type, but of a person's act the name of that."""
    if record.type == wire.VISITS_RESTATED and isinstance(recorded_event_of(record).event, OperatorActed):
        return OPERATOR_ACTED
    return record.type


def _plate_of(record: Record) -> str | None:
    event = recorded_event_of(record).event
    return event.vehicle_plate if isinstance(event, VehicleEntered | VehicleExited) else None

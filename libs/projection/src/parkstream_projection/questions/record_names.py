"""What a record can be found by: its id, its trace, its plate."""

from collections.abc import Iterator
from typing import Final

from parkstream_eventlog import Record
from parkstream_events.sightings import VehicleEntered, VehicleExited

from parkstream_projection.codec import recorded_event_of

_TRACE_ID: Final = slice(3, 35)


def id_name(id_: str) -> str:
    """Return what records with this id are found by."""
    return f"id:{id_}"


def trace_name(trace_id: str) -> str:
    """Return what records of this trace are found by."""
    return f"trace:{trace_id}"


def plate_name(plate: str) -> str:
    """Return what the sightings of this plate are found by."""
    return f"plate:{plate}"


def names_of(record: Record) -> Iterator[str]:
    """Yield all that *record* can be found by."""
    yield id_name(record.id)
    if record.traceparent:
        yield trace_name(record.traceparent[_TRACE_ID])
    if record.type.startswith("vehicle."):
        event = recorded_event_of(record).event
        if isinstance(event, VehicleEntered | VehicleExited):
            yield plate_name(event.vehicle_plate)

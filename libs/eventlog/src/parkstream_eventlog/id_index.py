"""Under which day and name the id of a record is remembered."""

from typing import Final

from parkstream_events import wire
from parkstream_events.sightings import EPOCH, VehicleEntered, VehicleExited
from parkstream_events.wire import UnreadableError
from parkstream_service.units import DAY_US

from parkstream_eventlog.log import Record, letter_of

SIGHTINGS: Final = (VehicleEntered, VehicleExited)


def day_of(record: Record) -> int:
    """Return the day under which the id of *record* is remembered: when it happened, else when it was recorded.

    A decision happens when it is recorded; when a sighting that cannot be read happened, nobody knows.
    """
    if letter_of(record.type) != "D":
        try:
            event = wire.decode(record.type, record.body)
        except UnreadableError:
            return record.recorded_at_us // DAY_US
        if isinstance(event, SIGHTINGS):
            return (event.event_time - EPOCH).days
    return record.recorded_at_us // DAY_US


def field_of(record: Record) -> str:
    """Return the name under which the id of *record* is remembered."""
    return f"{letter_of(record.type)}:{record.id}"

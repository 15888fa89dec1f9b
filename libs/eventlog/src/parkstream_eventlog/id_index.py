"""Under which day and field the id of a record is remembered: an event's by its time, a decision's by its recording."""

from typing import Final

from parkstream_service.units import DAY_US

from parkstream_eventlog.log import Record
from parkstream_eventlog.schema import DECISION

TIME_BYTES: Final = 5
"""What a time of the day takes, in microseconds."""


def event_field(letter: str, of_day_us: int, id_: str) -> bytes:
    """Return the field of an event with this *letter* that happened *of_day_us* after midnight."""
    return letter.encode() + of_day_us.to_bytes(TIME_BYTES, "big") + id_.encode()


def decision_field(id_: str) -> bytes:
    """Return the field of a decision, whatever day it is kept under."""
    return DECISION.encode() + id_.encode()


def id_in(field: bytes) -> str:
    """Return the id in *field*, for people."""
    start = 1 if field[:1] == DECISION.encode() else 1 + TIME_BYTES
    return field[start:].decode(errors="replace")


def place_of(record: Record, letter: str, event_time_us: int | None) -> tuple[int, bytes]:
    """Return the day and the field of *record*; when an unreadable one happened, nobody knows: when it was recorded."""
    if letter == DECISION:
        return record.recorded_at_us // DAY_US, decision_field(record.id)
    day, of_day_us = divmod(record.recorded_at_us if event_time_us is None else event_time_us, DAY_US)
    return day, event_field(letter, of_day_us, record.id)

"""Under which day and field the id of a record is remembered: an event's by its time, a decision's by its recording."""

import re
from typing import Final
from uuid import UUID

from parkstream_service.units import DAY_US

from parkstream_eventlog.log import Record
from parkstream_eventlog.schema import DECISION

TIME_BYTES: Final = 5
"""What a time of the day takes, in microseconds."""
UUID_BYTES: Final = 16
BRIEF_DAYS: Final = 1
"""For so many days after that of its recording a decision is remembered that comes too often to be kept for long."""
_is_uuid: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


def event_field(letter: str, of_day_us: int, id_: str) -> bytes:
    """Return the field of an event with this *letter* that happened *of_day_us* after midnight.

    A UUID takes 16 bytes, under the letter in lower case.
    """
    time_of_day = of_day_us.to_bytes(TIME_BYTES, "big")
    if _is_uuid(id_):
        return letter.lower().encode() + time_of_day + bytes.fromhex(id_.replace("-", ""))
    return letter.encode() + time_of_day + id_.encode()


def decision_field(id_: str) -> bytes:
    """Return the field of a decision, whatever day it is kept under."""
    return DECISION.encode() + id_.encode()


def id_in(field: bytes) -> str:
    """Return the id in *field*, for people."""
    start = 1 if field[:1] == DECISION.encode() else 1 + TIME_BYTES
    if field[:1].islower() and len(field) == start + UUID_BYTES:
        return str(UUID(bytes=field[start:]))
    return field[start:].decode(errors="replace")


def place_of(record: Record, letter: str, event_time_us: int | None) -> tuple[int, bytes]:
    """Return the day and the field of *record*; when an unreadable one happened, nobody knows: when it was recorded."""
    if letter == DECISION:
        return record.recorded_at_us // DAY_US, decision_field(record.id)
    day, of_day_us = divmod(record.recorded_at_us if event_time_us is None else event_time_us, DAY_US)
    return day, event_field(letter, of_day_us, record.id)

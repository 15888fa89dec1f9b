"""A record as a camera would send it, with its own body or another id or time in it; and when it is due."""

import json
from datetime import timedelta
from typing import Final, NamedTuple

from parkstream_eventlog import Record
from parkstream_events import wire
from parkstream_events.sightings import Direction, Sighting, microseconds
from parkstream_events.topology import ENTERED_KEY, EXITED_KEY
from parkstream_events.units import DAY_US, SECOND_US
from parkstream_generators.ids import event_id

KEYS: Final = {Direction.ENTRY: ENTERED_KEY, Direction.EXIT: EXITED_KEY}
_TIMES: Final = {Direction.ENTRY: "entry_date_time", Direction.EXIT: "exit_date_time"}


class Changes(NamedTuple):
    """What is not as it was recorded."""

    new_ids: bool
    shift: timedelta


class Message(NamedTuple):
    """One sighting, to be sent."""

    position: int
    direction: Direction
    type: str
    id: str
    body: bytes


def message_of(record: Record, changes: Changes) -> Message:
    """Return *record*, a sighting's, as a message; raise ``UnreadableError`` when it cannot be read."""
    seen = wire.decode_sighting(record.type, record.body)
    if not changes.new_ids and not changes.shift:
        return Message(record.position, seen.direction, record.type, seen.id, record.body)
    event_time = seen.event_time + changes.shift
    id_ = event_id(microseconds(event_time)) if changes.new_ids else seen.id
    changed = {"id": id_, _TIMES[seen.direction]: event_time.isoformat()} if changes.shift else {"id": id_}
    return Message(record.position, seen.direction, record.type, id_, _with(record.body, changed))


def _with(body: bytes, changed: dict[str, str]) -> bytes:
    """Return *body* with other values; whatever else it says stays, known to us or not."""
    return json.dumps({**json.loads(body), **changed}, separators=(",", ":")).encode()


def sighting_of(record: Record) -> Sighting | None:
    """Return the sighting in *record*, if one can be read."""
    try:
        return wire.decode_sighting(record.type, record.body)
    except wire.UnreadableError:
        return None


def sent_at_us(record: Record) -> int:
    """Return when *record* was sent: by its publisher's clock, unless that cannot be right, else by the log's."""
    published_us, recorded_us = record.published_at_us, record.recorded_at_us
    if published_us is None or not recorded_us - DAY_US <= published_us <= recorded_us:
        return recorded_us
    return published_us


class Pace:
    """The original pace, *speed* times as fast; without a speed there is nothing to wait for."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._first_us: int | None = None

    def due_seconds(self, record: Record) -> float:
        """Return how many seconds after the first one *record* is to be sent."""
        if self._speed is None:
            return 0.0
        at_us = sent_at_us(record)
        if self._first_us is None:
            self._first_us = at_us
        return (at_us - self._first_us) / SECOND_US / self._speed

"""A record as the message that a camera would send: with the log's own body, or with a new id or another time in it."""

import json
from datetime import timedelta
from typing import Final, NamedTuple

from parkstream_eventlog import Record
from parkstream_events import wire
from parkstream_events.sightings import Direction, Sighting, microseconds
from parkstream_events.topology import ENTERED_KEY, EXITED_KEY
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
    said = {"id": id_, _TIMES[seen.direction]: event_time.isoformat()} if changes.shift else {"id": id_}
    return Message(record.position, seen.direction, record.type, id_, _with(record.body, said))


def _with(body: bytes, said: dict[str, str]) -> bytes:
    """Return *body* with other values; whatever else it says stays, known to us or not."""
    return json.dumps({**json.loads(body), **said}, separators=(",", ":")).encode()


def sighting_of(record: Record) -> Sighting | None:
    """Return the sighting in *record*, if one can be read."""
    try:
        return wire.decode_sighting(record.type, record.body)
    except wire.UnreadableError:
        return None

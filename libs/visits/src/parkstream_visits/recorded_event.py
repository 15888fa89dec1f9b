"""What the fold takes in: a record of the log, decoded."""

from typing import NamedTuple

from msgspec import Struct
from parkstream_events.decisions import Decision
from parkstream_events.sightings import Sighting


class Unreadable(Struct, frozen=True):
    """A record that cannot be decoded: a no-op, listed in the state."""

    type: str
    reason: str
    detail: str


class RecordedEvent(NamedTuple):
    """A record of the log, decoded."""

    position: int
    recorded_at_us: int
    published_at_us: int | None
    traceparent: str | None
    event: Sighting | Decision | Unreadable

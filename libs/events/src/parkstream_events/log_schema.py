"""What the event log needs to know of our events: the letters of their ids, and where each of them comes from."""

from typing import Final

from parkstream_events import wire
from parkstream_events.decisions import Decision
from parkstream_events.sightings import Direction, Sighting, VehicleEntered, VehicleExited, microseconds
from parkstream_events.wire import UnreadableError

CATEGORIES: Final = {direction: direction.name.lower() for direction in Direction}
"""The log keeps the latest position of each: whether a direction is silent is decided by it."""


class LogSchema:
    """The types of sightings, which ``append`` takes; all others are decisions."""

    def __init__(self) -> None:
        self.letters: Final = {"vehicle.entered": "E", "vehicle.exited": "X"}
        self.brief: Final = frozenset({"watermark.advanced"})
        """Their ids name the position as of which they are decided, and the log goes on."""

    @staticmethod
    def origin_of(type_: str, body: bytes) -> tuple[int, str] | None:
        """Return when the sighting in *body* happened (microseconds since 1970) and its category."""
        try:
            return origin_in(wire.decode(type_, body))
        except UnreadableError:
            return None


def origin_in(event: Sighting | Decision) -> tuple[int, str] | None:
    """Return when *event* happened (microseconds since 1970) and its category; None of a decision."""
    if isinstance(event, VehicleEntered):
        return microseconds(event.entry_date_time), CATEGORIES[Direction.ENTRY]
    if isinstance(event, VehicleExited):
        return microseconds(event.exit_date_time), CATEGORIES[Direction.EXIT]
    return None


LOG_SCHEMA: Final = LogSchema()

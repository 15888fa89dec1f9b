"""When each sighting is sent: at a time that is counted from the start, so that no delay adds up."""

from parkstream_eventlog import Record
from parkstream_events.units import DAY_US, SECOND_US


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

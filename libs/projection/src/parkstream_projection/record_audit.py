"""What verifying a log learns from its records: which cannot be read, who accepted that, what was restated."""

from typing import Final, NamedTuple

from parkstream_eventlog import Record
from parkstream_events import wire
from parkstream_events.decisions import RecordAcknowledged, VisitsRestated
from parkstream_events.log_schema import origin_in
from parkstream_events.wire import UnreadableError

UNREADABLE_KEPT_MAX: Final = 10_000


class UnreadableFound(NamedTuple):
    """A record that no event can be made of."""

    position: int
    type: str
    problem: str


class RecordAudit:
    """Takes in the records of a log in order."""

    def __init__(self) -> None:
        self.unreadable: list[UnreadableFound] = []
        """The first ones."""
        self.unreadable_total = 0
        self.acknowledged: set[int] = set()
        self.restated_as_of = 0
        """Up to where another version of the projection emitted the summaries; 0 when none did."""

    def take(self, record: Record) -> tuple[int, str] | None:
        """Take in *record* and return where its event comes from, as the schema of the log says it."""
        try:
            event = wire.decode(record.type, record.body)
        except UnreadableError as error:
            self.unreadable_total += 1
            if len(self.unreadable) < UNREADABLE_KEPT_MAX:
                self.unreadable.append(UnreadableFound(record.position, record.type, str(error)))
            return None
        if isinstance(event, RecordAcknowledged):
            self.acknowledged.add(event.position)
        elif isinstance(event, VisitsRestated):
            self.restated_as_of = event.as_of_position
        return origin_in(event)

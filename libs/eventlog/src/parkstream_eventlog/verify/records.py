"""Records in, findings out: recorded times, bodies, and what the index should hold."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from parkstream_events import wire
from parkstream_events.decisions import RecordAcknowledged, VisitsRestated
from parkstream_events.sightings import EPOCH
from parkstream_events.wire import UnreadableError
from parkstream_service.units import DAY_US

from parkstream_eventlog.id_index import SIGHTINGS
from parkstream_eventlog.log import Letter, Record, digest_of, letter_of
from parkstream_eventlog.verify.findings import Finding, Findings
from parkstream_eventlog.verify.sums import SHIFT, Span, Sums

UNREADABLE_KEPT_MAX: Final = 10_000
ANY_DAY: Final = 0
"""Under which decisions are compared: they are looked up under every day."""

EPOCH_DAY: Final = EPOCH.toordinal()

letter: Final = lru_cache(maxsize=64)(letter_of)


class Unreadable(NamedTuple):
    """A record that no event can be made of."""

    position: int
    type: str
    problem: str


Remembered = tuple[int, bytes, bytes]
"""Day, field and value: an entry of the id index, as it is compared."""


def day_to_remember(record: Record, event: object) -> int | None:
    """Return the day under which the index should have *record*, which says *event*; None when nobody can know."""
    if isinstance(event, SIGHTINGS):
        return event.event_time.toordinal() - EPOCH_DAY
    return record.recorded_at_us // DAY_US if letter(record.type) == "D" else None


def remembered(record: Record, day: int) -> Remembered:
    """Return what the index should hold of *record* under *day*."""
    found = letter(record.type)
    field = f"{found}:{record.id}".encode()
    return (ANY_DAY if found == "D" else day, field, digest_of(record.body) + b"%d" % record.position)


def as_compared(day: int, field: bytes, value: bytes) -> Remembered:
    """Return an entry of *day* as it is compared: a decision may be under any day."""
    return (ANY_DAY if field.startswith(b"D:") else day, field, value)


class RecordCheck:
    """Checks records in the order of the log; *oldest_day* is the first whose ids must be remembered.

    Positions of *span* whose entry in the index nobody can know are left out of it.
    """

    def __init__(self, findings: Findings, oldest_day: int, span: Span) -> None:
        self._findings = findings
        self._oldest_day = oldest_day
        self._span = span
        self.sums = Sums()
        """Of what the index should hold."""
        self.records = 0
        self.latest: dict[Letter, int] = {"E": 0, "X": 0, "D": 0}
        self.recorded_at_us = 0
        self.unreadable: list[Unreadable] = []
        """The first ones."""
        self.unreadable_total = 0
        self.acknowledged: set[int] = set()
        self.restated_as_of = 0
        """Up to where another version of the projection said the summaries; 0 when none did."""

    def take(self, records: Sequence[Record]) -> None:
        """Check *records*, the next ones."""
        sums, latest, oldest = self.sums, self.latest, self._oldest_day
        for record in records:
            position, type_, _, _, recorded_at_us, _, _ = record
            if recorded_at_us < self.recorded_at_us:
                self._goes_back(record)
            self.recorded_at_us = recorded_at_us
            latest[letter(type_)] = position
            day = day_to_remember(record, self._event(record))
            if day is None:
                self._span.lose(position, position)
            elif day >= oldest:
                sums[position >> SHIFT] += hash(remembered(record, day))
        self.records += len(records)

    def _event(self, record: Record) -> object:
        try:
            event = wire.decode(record.type, record.body)
        except UnreadableError as error:
            self.unreadable_total += 1
            if len(self.unreadable) < UNREADABLE_KEPT_MAX:
                self.unreadable.append(Unreadable(record.position, record.type, str(error)))
            return None
        if isinstance(event, RecordAcknowledged):
            self.acknowledged.add(event.position)
        elif isinstance(event, VisitsRestated):
            self.restated_as_of = event.as_of_position
        return event

    def _goes_back(self, record: Record) -> None:
        before, after = self.recorded_at_us, record.recorded_at_us
        found = f"it was recorded at {after} µs, the record before at {before} µs"
        advice = "something wrote past the log's function: find out what; replays fold it with the time it has"
        self._findings.add(Finding("recorded_time_goes_back", found, advice, record.position))

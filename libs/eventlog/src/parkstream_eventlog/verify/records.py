"""Records in, findings out: recorded times, and what the index should hold."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from parkstream_eventlog.id_index import place_of
from parkstream_eventlog.log import Latest, Record, digest_of
from parkstream_eventlog.schema import DECISION, Letters, Schema, is_brief
from parkstream_eventlog.verify.findings import Finding, Findings
from parkstream_eventlog.verify.sums import SHIFT, Span, Sums

ANY_DAY: Final = 0
"""Under which decisions are compared: they are looked up under every day."""

Remembered = tuple[int, bytes, bytes]
"""Day, field and value: an entry of the id index, as it is compared."""
OriginOf = Callable[[Record], tuple[int, str] | None]
"""Tells where the event in a record comes from, None when it cannot be read; it is asked once per event, in order."""


class Expected(NamedTuple):
    """What the index should hold because of the record at *position*, and the day under which it was put."""

    entry: Remembered
    day: int
    position: int


class Expectation:
    """What the id index of a log with *schema* should hold."""

    def __init__(self, schema: Schema) -> None:
        self._letters = Letters(schema)
        self._schema = schema

    def is_decision(self, record: Record) -> bool:
        """Whether nobody appended *record*, but decided it."""
        return self._letters[record.type] == DECISION

    def is_brief(self, record: Record) -> bool:
        """Whether *record* is a decision whose id is kept for a day only, and not in this index."""
        return is_brief(self._schema, record.type)

    def origin_of(self, record: Record) -> tuple[int, str] | None:
        """Return where the event in *record* comes from; None of a decision, and when it cannot be read."""
        return None if self.is_decision(record) else self._schema.origin_of(record.type, record.body)

    def of(self, record: Record, origin: tuple[int, str] | None) -> Expected | None:
        """Return what the index should hold of *record*; None of a brief one, or when nobody knows when it happened."""
        letter = self._letters[record.type]
        if (origin is None and letter != DECISION) or self.is_brief(record):
            return None
        day, field = place_of(record, letter, origin[0] if origin else None)
        value = digest_of(record.body) + b"%d" % record.position
        return Expected((ANY_DAY if letter == DECISION else day, field, value), day, record.position)


def as_compared(day: int, field: bytes, value: bytes) -> Remembered:
    """Return an entry of *day* as it is compared: a decision may be under any day."""
    return (ANY_DAY if field[:1] == b"D" else day, field, value)


class RecordCheck:
    """Checks records in the order of the log; *oldest_day* is the first whose ids must be remembered.

    Positions of *span* whose entry in the index nobody can know are left out of it.
    """

    def __init__(
        self, findings: Findings, oldest_day: int, span: Span, expectation: Expectation, origin_of: OriginOf
    ) -> None:
        self._findings = findings
        self._oldest_day = oldest_day
        self._span = span
        self._expectation = expectation
        self._origin_of = origin_of
        self.sums = Sums()
        """Of what the index should hold."""
        self.records = 0
        self.latest: dict[str, Latest] = {}
        """The last record of each category."""
        self.recorded_at_us = 0

    def take(self, records: Sequence[Record]) -> None:
        """Check *records*, the next ones."""
        sums, latest, oldest, expected_of = self.sums, self.latest, self._oldest_day, self._expectation.of
        for record in records:
            position, recorded_at_us = record.position, record.recorded_at_us
            if recorded_at_us < self.recorded_at_us:
                self._goes_back(record)
            self.recorded_at_us = recorded_at_us
            origin = self._origin_of(record)
            if origin is not None:
                latest[origin[1]] = Latest(position, recorded_at_us)
            expected = expected_of(record, origin)
            if expected is None:
                if not self._expectation.is_brief(record):
                    self._span.lose(position, position)
            elif expected.day >= oldest:
                sums[position >> SHIFT] += hash(expected.entry)
        self.records += len(records)

    def _goes_back(self, record: Record) -> None:
        before, after = self.recorded_at_us, record.recorded_at_us
        found = f"it was recorded at {after} µs, the record before at {before} µs"
        advice = "something wrote past the log's function: find out what; replays fold it with the time it has"
        self._findings.add(Finding("recorded_time_goes_back", found, advice, record.position))

"""Some ranges of the log and of its id index, entry by entry."""

from collections.abc import Iterable

from parkstream_eventlog.id_index import id_in
from parkstream_eventlog.log import DIGEST_BYTES
from parkstream_eventlog.verify.findings import Finding
from parkstream_eventlog.verify.records import Expected, Remembered, as_compared

REPEATS = "the event would be recorded again if it came again: put the entry back with HSET"


class Comparison:
    """What the index should hold for some ranges, and what of that it holds."""

    def __init__(self) -> None:
        self._expected: dict[Remembered, Expected] = {}
        self._found: set[Remembered] = set()
        self.extra: dict[tuple[int, bytes], int] = {}
        """Day and field of entries that no record of these ranges accounts for, to the position that they name."""

    def expect(self, expected: Expected) -> None:
        """Note that the index should have what is *expected*."""
        self._expected[expected.entry] = expected

    def see(self, day: int, field: bytes, value: bytes) -> None:
        """Note that the index has *value*, which names a position in these ranges."""
        entry = as_compared(day, field, value)
        if entry in self._expected:
            self._found.add(entry)
        else:
            self.extra[entry[:2]] = position_in(value)

    def missing(self) -> Iterable[Expected]:
        """Return what the index should have and was not seen to have, in the order of the log."""
        return (expected for entry, expected in self._expected.items() if entry not in self._found)


def position_in(value: bytes) -> int:
    """Return the position that an index entry names; 0 when it names none."""
    digits = value[DIGEST_BYTES:]
    return int(digits) if digits.isdigit() else 0


def finding_of(expected: Expected, actual: bytes | None, *, repeated: bool) -> Finding:
    """Return what is wrong when the index has *actual*; *repeated*: the record that it names has the same id."""
    id_ = repr(id_in(expected.entry[1]))
    if actual is None:
        return Finding("index_missing", f"the id index has not got its id {id_}", REPEATS, expected.position)
    position = position_in(actual)
    if repeated:
        advice = "the same event was recorded twice, past the log's function: visits count it once; find the writer"
        return Finding("id_not_unique", f"its id {id_} is that of position {position} too", advice, expected.position)
    if position != expected.position:
        found = f"the id index has its id {id_} at position {position or 'none'}"
        advice = f"HSET the entry to the digest of the body and {expected.position}"
        return Finding("index_position", found, advice, expected.position)
    advice = "the event would be refused as an id conflict if it came again: HSET the entry to the digest of the body"
    return Finding("index_digest", f"the id index has another digest for its id {id_}", advice, expected.position)


def extra_finding(field: bytes, position: int) -> Finding:
    """Return what is wrong when the index has *field* at *position*, where another record is."""
    found = f"the id index has {id_in(field)!r} here, but this is another record"
    advice = "a new event with this id would be refused as known: remove the entry with HDEL, and find its writer"
    return Finding("index_extra", found, advice, position)

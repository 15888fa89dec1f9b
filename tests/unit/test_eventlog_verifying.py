"""What verify concludes from records and index entries, without any server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parkstream_eventlog import Latest, LogState, MemoryLog, Record
from parkstream_eventlog.id_index import decision_field, event_field
from parkstream_eventlog.log import digest_of
from parkstream_eventlog.verify import Findings, RecordCheck
from parkstream_eventlog.verify.comparison import Comparison, finding_of, position_in
from parkstream_eventlog.verify.records import Expectation, as_compared
from parkstream_eventlog.verify.run import add_entries
from parkstream_eventlog.verify.state import check_state
from parkstream_eventlog.verify.sums import SHIFT, Span, Sums
from parkstream_eventlog.verify.tolerant_reader import first_readable, readable
from parkstream_events import wire
from parkstream_events.decisions import RecordAcknowledged, VisitsRestated
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.sightings import VehicleEntered, moment_of
from parkstream_events.units import DAY_US
from parkstream_projection.record_audit import RecordAudit

DAY = 20_000
NOON = DAY * DAY_US + DAY_US // 2


def record(position, event, at=NOON):
    return Record(position, wire.type_of(event), event.id, wire.encode(event), at, None, None)


def entered(position, at=NOON, happened=NOON):
    return record(position, VehicleEntered(f"id-{position}", "A1", moment_of(happened)), at)


def checked(*records, oldest_day=0):
    findings, span, expectation = Findings(), Span(1, len(records)), Expectation(LOG_SCHEMA)
    check = RecordCheck(findings, oldest_day, span, expectation, expectation.origin_of)
    check.take(records)
    return check, findings, span


def audited(*records):
    audit = RecordAudit()
    for record in records:
        audit.take(record)
    return audit


def expected(record):
    expectation = Expectation(LOG_SCHEMA)
    return expectation.of(record, expectation.origin_of(record))


def entry_of(record):
    return event_field("E", DAY_US // 2, record.id), digest_of(record.body) + b"%d" % record.position


def test_records_and_the_index_they_should_have_sum_up_to_the_same():
    records = [entered(position) for position in range(1, 10)]
    sums = Sums()
    flat = [part for record in reversed(records) for part in entry_of(record)]
    add_entries(sums, DAY, flat, range(1, 10))
    assert checked(*records)[0].sums.differing(sums) == []
    add_entries(sums, DAY, flat[:2], range(1, 10))
    assert checked(*records)[0].sums.differing(sums) == [0]


FIELD = event_field("E", DAY_US // 2, "id-1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (FIELD, b"--------1"),
        (event_field("X", DAY_US // 2, "id-1"), None),
        (event_field("E", DAY_US // 2 + 1, "id-1"), None),
        (FIELD, b"?"),
    ],
)
def test_another_entry_makes_another_sum(field, value):
    sums = Sums()
    add_entries(sums, DAY, [field, value or entry_of(entered(1))[1]], range(1, 2))
    assert checked(entered(1))[0].sums.differing(sums) == [0]


def test_a_decision_is_looked_for_under_any_day_and_a_sighting_under_its_own():
    decided, seen = record(1, RecordAcknowledged(7, "known")), entered(1)
    assert expected(decided).entry == expected(decided._replace(recorded_at_us=NOON + DAY_US)).entry
    assert expected(seen).entry[:2] == (DAY, FIELD)
    assert as_compared(DAY, decision_field("x"), b"1") == as_compared(DAY + 1, decision_field("x"), b"1")
    assert as_compared(DAY, FIELD, b"1") != as_compared(DAY + 1, FIELD, b"1")


def test_ids_of_forgotten_days_are_not_asked_for():
    assert checked(entered(1, happened=NOON - 2 * DAY_US), oldest_day=DAY - 1)[0].sums == {}
    assert checked(entered(1, happened=NOON - DAY_US), oldest_day=DAY - 1)[0].sums != {}


def test_recorded_times_that_go_back_are_found_and_equal_ones_are_not():
    _, findings, _ = checked(entered(1), entered(2), entered(3, at=NOON - 1), entered(4, at=NOON - 1))
    assert [(finding.kind, finding.position) for finding in findings.listed] == [("recorded_time_goes_back", 3)]


def test_what_cannot_be_read_is_listed_and_its_entry_not_asked_for():
    garbled = Record(2, wire.ENTERED, "id-2", b"\xff", NOON, None, None)
    _, _, span = checked(entered(1), garbled, entered(3))
    assert [unreadable.position for unreadable in audited(entered(1), garbled).unreadable] == [2]
    assert [position in span for position in (1, 2, 3)] == [True, False, True]


def test_what_was_acknowledged_is_known():
    assert audited(record(1, RecordAcknowledged(7, "known"))).acknowledged == {7}


def test_up_to_where_another_version_spoke_is_known():
    assert audited(entered(1), record(2, VisitsRestated(2, 1, 1, []))).restated_as_of == 1


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)), max_size=6))
def test_a_span_is_without_what_was_lost(losses):
    span, lost = Span(3, 50), set()
    for first, length in sorted(losses):
        span.lose(first, first + length)
        lost |= set(range(first, first + length + 1))
    assert [p for p in range(70) if p in span] == [p for p in range(3, 51) if p not in lost]
    assert [p for p in range(70) if p in span.quick] == [p for p in range(3, 51) if p not in lost]


@given(st.lists(st.tuples(st.integers(1, 4 << SHIFT), st.integers()), unique=True), st.randoms())
def test_sums_do_not_depend_on_the_order(entries, random):
    one, other = Sums(), Sums()
    for sums in (one, other):
        for position, value in entries:
            sums[position >> SHIFT] += hash((position, value))
        random.shuffle(entries)
    assert one.differing(other) == []


def test_an_entry_told_twice_is_one():
    comparison, seen = Comparison(), entered(1)
    comparison.expect(expected(seen))
    comparison.see(DAY, *entry_of(seen))
    comparison.see(DAY, *entry_of(seen))
    assert (list(comparison.missing()), comparison.extra) == ([], {})


@pytest.mark.parametrize(
    ("actual", "repeated", "kind"),
    [
        (None, False, "index_missing"),
        (b"--------1", False, "index_digest"),
        (b"--------2", False, "index_position"),
        (b"?", False, "index_position"),
        (b"--------2", True, "id_not_unique"),
    ],
)
def test_what_stands_in_place_of_an_entry_says_what_is_wrong(actual, repeated, kind):
    comparison = Comparison()
    comparison.expect(expected(entered(1)))
    (missing,) = comparison.missing()
    finding = finding_of(missing, actual, repeated=repeated)
    assert (finding.kind, finding.position) == (kind, 1)


@pytest.mark.parametrize(("value", "position"), [(b"--------12", 12), (b"--------", 0), (b"", 0), (b"--------x", 0)])
def test_a_position_is_read_out_of_an_entry(value, position):
    assert position_in(value) == position


def test_findings_are_counted_beyond_the_list():
    findings = Findings(2)
    expectation = Expectation(LOG_SCHEMA)
    check = RecordCheck(findings, 0, Span(1, 9), expectation, expectation.origin_of)
    check.take([entered(position, at=NOON - position) for position in range(1, 10)])
    assert (len(findings.listed), findings.total) == (2, 8)


async def test_records_archived_while_they_are_read_are_no_gap():
    log, findings, span = MemoryLog(LOG_SCHEMA), Findings(), Span(1, 4_000)
    log.take_over([entered(position) for position in range(1, 4_001)])
    read = 0
    async for records in readable(log, span, findings):
        read += len(records)
        if not log._archived_through:
            del log._records[:3_000]
            log._archived_through = 3_000
    assert findings.listed == []
    assert read < 4_000
    assert (1 in span, 3_000 in span, 3_001 in span) == (True, False, True)
    assert await first_readable(log, await log.state()) == 3_001


def test_a_length_that_the_gaps_explain_is_no_finding_of_its_own():
    check, findings, span = checked(entered(1))
    span.missing = 2
    state = LogState("log", 10, NOON, NOON, 4, 4, {"entry": Latest(1, NOON)}, {})
    check_state(state, check, span, findings)
    assert findings.listed == []
    check_state(state._replace(length=5), check, span, findings)
    assert [finding.kind for finding in findings.listed] == ["length"]

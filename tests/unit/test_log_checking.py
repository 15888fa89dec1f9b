"""What verify concludes from what projections, the outbox and the summary file say, without any server."""

import msgspec
import pytest
from parkstream_eventlog.verify import Findings
from parkstream_projection.record_audit import RecordAudit, UnreadableFound
from parkstream_projection.verify.contents import content_of
from parkstream_projection.verify.differences import Differences
from parkstream_projection.verify.projections import Snapshot, Version, check_projections, check_unreadable
from parkstream_projection.verify.undelivered import Waiting
from parkstream_visits import Clock
from parkstream_visits.state import UnreadableRecord

LINE = {
    "visit_id": "exit:1",
    "revision": 1,
    "outcome": "completed",
    "vehicle_plate": "A1",
    "entry_date_time": "2026-03-01T08:00:00Z",
    "exit_date_time": "2026-03-01T09:00:00Z",
    "duration": "PT1H",
    "duration_ms": 3_600_000,
    "entry_event_id": "0",
    "exit_event_id": "1",
    "position": 7,
    "superseded_by": None,
}


def line(**fields):
    return msgspec.json.encode({**LINE, **fields})


def version(checkpoint=10, listed=(), number=1, hashes_missing=()):
    clock = Clock()
    clock.unreadable = tuple(UnreadableRecord(position, "news.v1", "unknown_type", "") for position in listed)
    return Version(number, checkpoint, clock, 1, hashes_missing)


def seen(*versions, **more):
    usual = {
        "live": 1,
        "emitted_again": 0,
        "emitted": 5,
        "emitted_through": 10,
        "delivered": 2,
        "parked": 1,
        "waiting": 2,
    }
    usual |= {"last_waiting": "9-0", "importing": False}
    return Snapshot(versions=versions or [version()], **(usual | more))


def kinds(findings):
    return [finding.kind for finding in findings.listed]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (seen(), []),
        (seen(version(11)), ["checkpoint_ahead"]),
        (seen(version(), version(11, number=2)), ["checkpoint_ahead"]),
        (seen(version(hashes_missing=(10_000, 20_000))), ["hash_missing", "hash_missing"]),
        (seen(emitted=6), ["summaries_unaccounted"]),
        (seen(waiting=0, delivered=4, last_waiting=None), []),
        (seen(emitted_through=11), ["emitted_ahead"]),
        (seen(last_waiting="11-0"), ["outbox_ahead"]),
        (seen(last_waiting="10-9"), []),
        (seen(importing=True), ["import_unfinished"]),
    ],
)
def test_projections_and_outbox_agree_with_a_log_that_ends_at_10(state, expected):
    findings = Findings()
    check_projections(state, 10, findings)
    assert kinds(findings) == expected


def unreadable(*positions, acknowledged=()):
    audit = RecordAudit()
    audit.unreadable = [UnreadableFound(position, "news.v1", "unknown") for position in positions]
    audit.acknowledged = set(acknowledged)
    return audit


@pytest.mark.parametrize(
    ("records", "live", "expected", "notes"),
    [
        (unreadable(), version(), [], 0),
        (unreadable(3), version(listed=[3]), [], 1),
        (unreadable(3), version(), ["unreadable"], 0),
        (unreadable(3, acknowledged=[3]), version(), [], 1),
        (unreadable(11), version(), [], 1),
        (unreadable(), version(listed=[3]), [], 1),
        (unreadable(2_000), version(3_000, listed=range(1_000)), [], 2),
    ],
)
def test_records_that_cannot_be_read_are_a_defect_only_when_nobody_knows_of_them(records, live, expected, notes):
    findings = Findings()
    check_unreadable(records, seen(live), findings)
    assert (kinds(findings), len(findings.notes)) == (expected, notes)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line()], []),
        ([line(entry_date_time="2026-03-01T09:00:00+01:00")], []),
        ([], ["summary_missing"]),
        ([line(), line()], ["summary_repeated"]),
        ([line(revision=2), line()], ["summary_extra"]),
        ([line(position=8)], ["summary_differs"]),
    ],
)
def test_lines_are_compared_by_what_they_say(lines, expected):
    findings = Findings()
    differences = Differences(findings)
    differences.expect([content_of(line())])
    for one in lines:
        differences.see(content_of(one))
    differences.report()
    assert kinds(findings) == expected


@pytest.mark.parametrize(
    ("said", "through", "expected"),
    [
        ([line()], 10, []),
        ([line(outcome="retracted")], 10, ["waiting_differs"]),
        ([], 10, ["waiting_extra"]),
        ([], 6, []),
    ],
)
def test_what_waits_is_what_the_log_says(said, through, expected):
    findings, waiting = Findings(), Waiting()
    waiting.keep(("exit:1", 1), line(traceparent=None, published_at_us=4))
    assert [waiting.met(content_of(one)) for one in said] == [True] * len(said)
    assert not waiting.met(content_of(line(revision=2)))
    waiting.check(range(1, through + 1), findings)
    assert kinds(findings) == expected


@pytest.mark.parametrize("torn", [b"", b"torn", line()[:40], b"{}", b"\xff"])
def test_what_is_no_summary_says_nothing(torn):
    assert content_of(torn) is None

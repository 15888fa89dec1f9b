"""What the log says of itself, against its records."""

from parkstream_eventlog.log import LogState
from parkstream_eventlog.verify.findings import Finding, Findings
from parkstream_eventlog.verify.records import RecordCheck
from parkstream_eventlog.verify.sums import Span
from parkstream_eventlog.writer import CLOCK_US_MAX


def check_state(state: LogState, check: RecordCheck, span: Span, findings: Findings) -> None:
    """Compare *state*, read in one step, with the records up to its position."""
    _check_length(state, span, findings)
    for category in sorted(check.latest.keys() | state.latest.keys()):
        _check_latest(category, state.latest_of(category).position, check, span, findings)
    if check.recorded_at_us > state.recorded_at_us:
        found = f"the log's recorded_at_us is {state.recorded_at_us}, its last record's is {check.recorded_at_us}"
        advice = f"HSET recorded_at_us of the log's meta to {check.recorded_at_us}, so that it never goes back"
        findings.add(Finding("last_recorded", found, advice, state.position))
    if state.recorded_at_us > state.now_us + CLOCK_US_MAX:
        found = f"it was recorded at {state.recorded_at_us} µs, Redis' clock shows {state.now_us} µs"
        advice = "set the clock right if it is behind now; else see the runbook: a record from the future"
        findings.add(Finding("recorded_in_future", found, advice, state.position))


def _check_length(state: LogState, span: Span, findings: Findings) -> None:
    """Say so when entries that were not found yet are missing or too many."""
    expected = state.position - state.archived_through
    if state.length != expected - span.missing + span.strays:
        found = f"the stream holds {state.length} entries; position less archived_through is {expected}"
        advice = "entries too many stand behind the last record: look with XRANGE, remove them with XDEL"
        if state.length < expected:
            advice = "HSET archived_through of the log's meta to the position before the stream's first entry"
        findings.add(Finding("length", found, advice, state.position))


def _check_latest(category: str, position: int, check: RecordCheck, span: Span, findings: Findings) -> None:
    latest = check.latest.get(category)
    if latest and latest.position != position and (position in span or not span.first <= position <= span.last):
        name = f"latest:{category}"
        found = f"the log's {name} is {position or 'missing'}, the last such record is at {latest.position}"
        value = f"{latest.position} {latest.recorded_at_us}"
        advice = f"HSET {name} of the log's meta to '{value}': what is decided about silence rests on it"
        findings.add(Finding("last_position", found, advice, latest.position))

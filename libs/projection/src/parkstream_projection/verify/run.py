"""Whether the log, its index, its projections, the outbox and the summary file agree: all of it, in order."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec import Struct
from parkstream_eventlog.verify import STOPS_PROJECTIONS, Finding, Findings, LogCheck
from parkstream_eventlog.verify.index import IdIndex
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_visits import RULES_VERSION

from parkstream_projection.opened import Opened
from parkstream_projection.record_audit import RecordAudit
from parkstream_projection.verify.projections import Snapshot, check_projections, check_unreadable, snapshot
from parkstream_projection.verify.summaries import SummaryCheck
from parkstream_projection.verify.undelivered import read_waiting

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Makes what is called with the position that was reached, from what is done and the last position."""


class Report(Struct, frozen=True, kw_only=True):
    """What was checked, and what was found; *findings* are the first ones of *total*."""

    ok: bool
    first: int
    last: int
    records: int
    summaries: int | None
    """Lines of the summary file that were compared; None when there was no file."""
    seconds: float
    total: int
    by_kind: dict[str, int]
    findings: list[Finding]
    notes: list[str]


async def verify(it: Opened, file: Path | None, progress: Progress, *, most: int, dedupe_days: int) -> Report:
    """Check everything up to where the log ends now, the summary *file* too if there is one; only reads.

    The first *most* findings are listed, all are counted.
    """
    begun, findings = time.monotonic(), Findings(most)
    seen = await snapshot(it.redis, it.keys)
    state = await it.log.state()
    audit, index = RecordAudit(), IdIndex(it.redis, it.keys)
    check = LogCheck(it.log, index, LOG_SCHEMA, state, findings, origin_of=audit.take, dedupe_days=dedupe_days)
    with progress("checking records", state.position) as reached:
        records = await check.run(reached)
    check_projections(seen, state.position, findings)
    check_unreadable(audit, seen, findings)
    emitted_by_this = range(audit.restated_as_of + 1, min(seen.emitted_through, state.position) + 1)
    lines = None
    if obstacle := _obstacle(file, seen, check.first, findings):
        findings.notes.append(obstacle)
    elif file:
        lines = await _check_summaries(it, file, emitted_by_this, findings, progress)
    return Report(
        ok=not findings.total,
        first=check.first,
        last=state.position,
        records=records.records,
        summaries=lines,
        seconds=time.monotonic() - begun,
        total=findings.total,
        by_kind=dict(findings.by_kind),
        findings=findings.listed,
        notes=findings.notes,
    )


async def _check_summaries(it: Opened, file: Path, positions: range, findings: Findings, progress: Progress) -> int:
    """Compare the summaries in *file* with what follows from the log at *positions*; return how many there are."""
    if positions.start > 1:
        before = f"summaries up to position {positions.start - 1} were emitted by an earlier version of the projection"
        findings.notes.append(f"{before}, and were not compared")
    check = SummaryCheck(it.log, file, positions, await read_waiting(it.outbox, it.redis, it.keys), findings)
    with progress("comparing summaries", positions.stop - 1) as reached:
        await check.run(reached)
    return check.lines


def _obstacle(file: Path | None, seen: Snapshot, first: int, findings: Findings) -> str | None:
    """Return why summaries cannot be compared, if so."""
    if findings.by_kind.keys() & STOPS_PROJECTIONS:
        return "summaries were not compared: the log cannot be read through"
    if first > 1:
        archived = f"positions 1 to {first - 1} are archived: set PARKSTREAM_ARCHIVE_DIR to have them checked"
        return f"{archived}, and summaries compared"
    if file is None:
        return "summaries were not compared: name their file with --summaries"
    made_by = seen.live_version.rules_version
    if made_by not in {None, RULES_VERSION}:
        return f"summaries were not compared: version {made_by} of the rules made them, this is {RULES_VERSION}"
    return None

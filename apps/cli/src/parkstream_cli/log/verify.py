"""``parkstream log verify``: whether the log, its index, its projections and the summaries agree."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter, validators
from msgspec import Struct
from parkstream_eventlog.verify import STOPS_PROJECTIONS, Finding, Findings, LogCheck
from parkstream_eventlog.verify.index import IdIndex
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_projection.record_audit import RecordAudit
from parkstream_projection.replay.gc_pause import rarely_collected
from parkstream_visits import RULES_VERSION
from rich.console import Console

from parkstream_cli import connections
from parkstream_cli.connections import Opened
from parkstream_cli.errors import FAILED, ToolError
from parkstream_cli.log.projections import Seen, check_projections, check_unreadable, snapshot
from parkstream_cli.log.summaries import SummaryCheck
from parkstream_cli.log.undelivered import read_waiting
from parkstream_cli.progress import progress

AsJson = Annotated[bool, Parameter(help="Print one JSON object instead of a table.", negative="")]


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


def verify_log(
    *,
    summaries: Annotated[
        Path | None, Parameter(help="The summary file; by default that of PARKSTREAM_SUMMARY_FILE, if it is here.")
    ] = None,
    most: Annotated[
        int,
        Parameter(
            name="--most", help="How many findings are listed; all are counted.", validator=validators.Number(gte=1)
        ),
    ] = 100,
    json: AsJson = False,
) -> int:
    """Check the log, its id index, the projections, the outbox and the summary file; exit 1 when one is wrong.

    Works on a live system: it checks up to where the log ends when it begins. It reads only, and changes nothing.
    """
    with rarely_collected():
        report = asyncio.run(_verify(summaries, most))
    if json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        show(report, Console())
    return 0 if report.ok else FAILED


async def _verify(summaries: Path | None, most: int) -> Report:
    begun, settings = time.monotonic(), connections.settings_here()
    file = _file(summaries, settings.summary_file)
    findings = Findings(most)
    async with connections.opened(settings) as it:
        seen = await snapshot(it.redis, it.keys)
        state = await it.log.state()
        audit = RecordAudit()
        check = LogCheck(
            it.log,
            IdIndex(it.redis, it.keys),
            LOG_SCHEMA,
            state,
            findings,
            origin_of=audit.take,
            dedupe_days=settings.dedupe_days,
        )
        with progress("checking records", state.position) as reached:
            records = await check.run(reached)
        check_projections(seen, state.position, findings)
        check_unreadable(audit, seen, findings)
        said_by_this = range(audit.restated_as_of + 1, min(seen.emitted_through, state.position) + 1)
        lines = None
        if obstacle := _obstacle(file, seen, check.first, findings):
            findings.notes.append(obstacle)
        elif file:
            lines = await _check_summaries(it, file, said_by_this, findings)
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


def _file(named: Path | None, usual: str) -> Path | None:
    """Return the summary file if there is one; the one that was *named* must be there."""
    file = named or Path(usual)
    if file.is_file():
        return file
    if named is None:
        return None
    message = f"{named} is no file: name the summary file (PARKSTREAM_SUMMARY_FILE of the summary API)"
    raise ToolError(message)


async def _check_summaries(it: Opened, file: Path, positions: range, findings: Findings) -> int:
    """Compare the summaries in *file* with what the log says at *positions*; return how many there are."""
    if positions.start > 1:
        before = f"summaries up to position {positions.start - 1} were said by an earlier version of the projection"
        findings.notes.append(f"{before}, and were not compared")
    check = SummaryCheck(it.log, file, positions, await read_waiting(it.outbox, it.redis, it.keys), findings)
    with progress("comparing summaries", positions.stop - 1) as reached:
        await check.run(reached)
    return check.lines


def _obstacle(file: Path | None, seen: Seen, first: int, findings: Findings) -> str | None:
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


def show(report: Report, console: Console) -> None:
    """Print *report* for people."""
    for finding in report.findings:
        where = "" if finding.position is None else f" at position {finding.position:,}"
        console.print(f"[red]{finding.kind}[/]{where}: {finding.found}", soft_wrap=True)
        console.print(f"    {finding.advice}", soft_wrap=True, highlight=False)
    if report.total > len(report.findings):
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in report.by_kind.items())
        console.print(f"… {report.total:,} in all: {kinds}", soft_wrap=True)
    for note in report.notes:
        console.print(f"note: {note}", soft_wrap=True)
    summaries = "" if report.summaries is None else f" and {report.summaries:,} summaries"
    checked = f"{report.records:,} records up to position {report.last:,}{summaries} in {report.seconds:.1f} s"
    plural = "" if report.total == 1 else "s"
    verdict = "[green]ok[/]" if report.ok else f"[red]{report.total:,} finding{plural}[/]"
    console.print(f"{verdict}: checked {checked}", soft_wrap=True)

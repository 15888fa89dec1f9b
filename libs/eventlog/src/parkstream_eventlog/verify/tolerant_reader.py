"""The log read past its defects: what cannot be read is a finding, and the rest is read."""

from collections.abc import AsyncIterator
from typing import Final

from parkstream_eventlog.errors import GapError
from parkstream_eventlog.log import LogReader, LogState, Record
from parkstream_eventlog.prefetch import batches_of
from parkstream_eventlog.verify.findings import Finding, Findings
from parkstream_eventlog.verify.sums import Span

BATCH_MAX: Final = 2_000
STOPS_PROJECTIONS: Final = frozenset({"gap", "entry_unreadable", "entry_between"})
"""Kinds of findings after which the log is not read through by others."""
LOST = (
    "restore Redis' append-only file or backup, or take the record from an export or the archive; "
    "projections stop before it"
)


async def first_readable(log: LogReader, state: LogState) -> int:
    """Return the position to begin with: 1, or the first that is not archived where *log* does not reach further."""
    try:
        await log.read(0, 1)
    except GapError:
        return state.archived_through + 1
    return 1


async def readable(log: LogReader, span: Span, findings: Findings) -> AsyncIterator[list[Record]]:
    """Yield the records of *span* that can be read; what cannot is left out of the span, and found."""
    after = span.first - 1
    while after < span.last:
        try:
            async for records in batches_of(log, after, span.last, BATCH_MAX):
                after = records[-1].position
                yield records
        except (GapError, ValueError):
            records, after = await _past_the_defect(log, after, span, findings)
            if records:
                yield records


async def _past_the_defect(log: LogReader, after: int, span: Span, findings: Findings) -> tuple[list[Record], int]:
    """Return the records up to the defect behind *after*, and the position to go on behind."""
    good: list[Record] = []
    strays: set[int] = set()
    count = BATCH_MAX
    while len(good) < BATCH_MAX and after + len(good) < span.last:
        position = after + len(good)
        try:
            good += await log.read(position, min(count, span.last - position))
        except (GapError, ValueError) as error:
            if isinstance(error, GapError) and error.found < error.expected:
                strays.add(error.found)
            count //= 2
            if not count:
                _stray(strays, span, findings)
                return good, await _defect(log, position, error, span, findings)
    _stray(strays, span, findings)
    return good, after + len(good)


def _stray(positions: set[int], span: Span, findings: Findings) -> None:
    span.strays += len(positions)
    for position in sorted(positions):
        advice = "something wrote past the log's function: remove the entry with XDEL, and find its writer"
        found = f"there is an entry with the id {position}-n (n > 0) behind this record"
        findings.add(Finding("entry_between", found, advice, position))


async def _defect(log: LogReader, after: int, error: Exception, span: Span, findings: Findings) -> int:
    """Note what stands in the way behind *after*; return the position to go on behind."""
    if isinstance(error, GapError):
        return await _gap(log, after, error.found, span, findings)
    span.lose(after + 1, after + 1)
    found = f"the entry of the stream is no record: {error}"
    findings.add(Finding("entry_unreadable", found, LOST, after + 1))
    return after + 1


async def _gap(log: LogReader, after: int, found: int, span: Span, findings: Findings) -> int:
    """Note that the records between *after* and *found* are missing, unless they were archived meanwhile."""
    last = min(found - 1, span.last)
    archived_through = min((await log.state()).archived_through, last)
    span.lose(after + 1, last)
    lost = max(after, archived_through) + 1
    if lost <= last:
        span.missing += last - lost + 1
        what = f"positions {lost} to {last} are" if lost < last else f"position {last} is"
        findings.add(Finding("gap", f"{what} missing from the log", LOST, lost))
    return last

"""What is to be found about a log: is it that of the mark, whole, and of today; is its summary file whole."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from parkstream_eventlog import ClocksApartError, LogShorterError, LogState, OtherLogError
from parkstream_eventlog.archive import Archive, ArchiveError
from parkstream_eventlog.extent import Extent, check_extent
from parkstream_eventlog.writer import CLOCK_US_MAX
from parkstream_events.marks import Mark

from parkstream_operations.findings import Finding, note, ok, wrong

MARK: Final = "log against the mark"
SUMMARY_FILE: Final = "summary file"
RESTORE: Final = "Redis lost data or is another one: restore its append-only file before anything else writes"
RESTORE_FILE: Final = "restore Redis' append-only file; backends write nothing until then, and events wait in RabbitMQ"
OTHER_MALL: Final = "set PARKSTREAM_MALL or PARKSTREAM_RABBITMQ_URL, or give each mall a virtual host of its own"
MOVED_AWAY: Final = "the mall was moved to another RabbitMQ"
TO_THERE: Final = "set PARKSTREAM_RABBITMQ_URL to that one (parkstream cells list shows it)"
NO_FOLDER: Final = "set PARKSTREAM_ARCHIVE_DIR to that folder, so that the tools find those records"
OTHER_FOLDER: Final = "set PARKSTREAM_ARCHIVE_DIR to the folder that it was archived to, or bring its files back"
MEND: Final = "restore the file if you have a copy, then parkstream outbox emit-missing emits the rest again"


def against_mark(mark: Mark | None, found: Extent, mall: str) -> Finding:
    """Return what *mark* says of the log that was *found*."""
    if mark is None:
        return ok(MARK, "there is no mark yet: the first backend that starts writes it")
    if mark.mall != mall:
        return wrong(MARK, f"this RabbitMQ keeps the mark of the mall {mark.mall!r}, not of {mall!r}", OTHER_MALL)
    if mark.closed:
        return wrong(MARK, MOVED_AWAY, TO_THERE)
    try:
        check_extent(found, Extent(mark.log_id, mark.position))
    except (OtherLogError, LogShorterError) as error:
        return wrong(MARK, str(error), RESTORE_FILE)
    return ok(MARK, f"log {mark.log_id}, durable up to {mark.position}")


def of_state(state: LogState) -> list[Finding]:
    """Return what a log in this *state* amounts to, by the clock of this machine."""
    return [_clock(state.now_us), _dense(state), *_from_the_future(state)]


def summaries_written(lines: int, delivered: int) -> Finding:
    """Return what *lines* in the summary file say, when *delivered* summaries were delivered."""
    if lines < delivered:
        found = f"{lines:,} lines, but {delivered:,} summaries were delivered: {delivered - lines:,} are missing"
        return wrong(SUMMARY_FILE, found, MEND)
    return ok(SUMMARY_FILE, f"{lines:,} lines, {delivered:,} summaries were delivered")


def long_enough(state: LogState, what: str, position: int) -> Finding:
    """Return whether the log reaches the *position* at which *what* ends, which was made of it."""
    about = f"log against {what}"
    if position > state.position:
        return wrong(about, f"the log ends at {state.position}, {what} at {position}", RESTORE)
    return ok(about, f"{what} ends at position {position}")


def of_archive(state: LogState, archive_dir: str | None, mall: str) -> list[Finding]:
    """Compare the log with its archive; say nothing when there is none and none is needed."""
    if archive_dir is None:
        if not state.archived_through:
            return []
        return [note("archive", f"the log was archived through {state.archived_through}", NO_FOLDER)]
    try:
        archive = Archive(Path(archive_dir), mall)
        through = archive.through
        if state.archived_through <= through <= state.position:
            archive.check_log(state, state.archived_through)
    except ArchiveError as error:
        return [wrong("archive", str(error), "set that right before anything else is archived")]
    if through < state.archived_through:
        found = f"{archive_dir} ends at {through}, but the log was archived through {state.archived_through}"
        return [wrong("archive", found, OTHER_FOLDER)]
    return [long_enough(state, "the archive", through)]


def _clock(now_us: int) -> Finding:
    apart_us = now_us - time.time_ns() // 1_000
    if abs(apart_us) > CLOCK_US_MAX:
        return wrong("clock", str(ClocksApartError(apart_us)), "until then a backend on this machine records nothing")
    return ok("clock", "Redis' clock is that of this machine, or less than a minute off")


def _from_the_future(state: LogState) -> list[Finding]:
    if state.recorded_at_us <= state.now_us + CLOCK_US_MAX:
        return []
    ahead = timedelta(microseconds=state.recorded_at_us - state.now_us)
    found = f"record {state.position} was recorded {timedelta(seconds=ahead // timedelta(seconds=1))} from now"
    return [wrong("last record", found, "set the clock right, or see the runbook: a record from the future")]


def _dense(state: LogState) -> Finding:
    expected = state.position - state.archived_through
    if state.length != expected:
        return wrong("log", f"{state.length} records, but its positions say {expected}", RESTORE)
    return ok("log", f"{state.length} records, up to position {state.position}")

"""Summaries out of the file: one visit by its place in the index, or page by page in the order of the file."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Final, NamedTuple, Self

import msgspec
from parkstream_events.sightings import normalised_plate
from parkstream_events.summaries import Outcome, Summary
from parkstream_service.foreign_data import UNREADABLE
from parkstream_service.http import WrongFieldError

from parkstream_summary_api.core.ledger import Entry, current_of
from parkstream_summary_api.file_lines import whole_lines
from parkstream_summary_api.index import IndexAwayError, IndexBehindError
from parkstream_summary_api.indexer import CATCH_UP_SECONDS, Indexing
from parkstream_summary_api.old_days import OldDays
from parkstream_summary_api.summary_file import Journal

SLICE_BYTES: Final = 256 * 1024
NEWEST_BYTES: Final = 64 * 1024
SCAN_BYTES_MAX: Final = 16 * 1024 * 1024
_summary = msgspec.json.Decoder(Summary).decode
_zoned = partial(msgspec.convert, type=Annotated[datetime, msgspec.Meta(tz=True)])


class UnknownVisitError(Exception):
    """The file holds no such visit, or no such revision of it."""


class Filter(NamedTuple):
    """Which summaries are asked for; a visit's time is that of its exit, else of its entry."""

    outcome: Outcome | None = None
    plate: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    current: bool = True

    @classmethod
    def of(
        cls,
        outcome: Outcome | None,
        plate: str | None,
        since: str | None,
        until: str | None,
        *,
        current: bool,
    ) -> Self:
        """Return the filter; raise ``WrongFieldError`` for a text that is no plate, or no time with a zone."""
        began, ended = _moment("from", since), _moment("to", until)
        try:
            return cls(outcome, normalised_plate(plate) if plate else None, began, ended, current)
        except ValueError as error:
            raise WrongFieldError(field="plate", detail=str(error)) from error

    def admits(self, summary: Summary) -> bool:
        """Return whether *summary* is asked for, as far as it can be seen from it alone."""
        at = summary.exit_date_time or summary.entry_date_time
        return (
            (self.outcome is None or summary.outcome is self.outcome)
            and (self.plate is None or summary.vehicle_plate == self.plate)
            and (self.since is None or (at is not None and at >= self.since))
            and (self.until is None or (at is not None and at < self.until))
        )


class Page(msgspec.Struct, frozen=True):
    """Summaries in the order in which they were written.

    ``next_cursor`` continues behind them, and is null at the end of the file. A page may hold fewer than were asked
    for, even none, while there is a next: one request reads 16 MiB of the file at most.
    """

    summaries: list[Summary]
    next_cursor: str | None


class Found(NamedTuple):
    """A summary and where its line starts and ends."""

    summary: Summary
    offset: int
    end: int


class Reading:
    """Answers questions about the file without keeping anything of it."""

    def __init__(self, journal: Journal, days: OldDays, indexing: Indexing) -> None:
        self._journal = journal
        self._days = days
        self._indexing = indexing

    async def visit(self, visit_id: str, revision: int | None = None) -> Summary:
        """Return the current summary of *visit_id*, or its *revision*; raise ``UnknownVisitError``."""
        entries = (await self._known({visit_id})).get(visit_id, ())
        if revision is not None:
            entries = tuple(entry for entry in entries if entry.revision == revision)
        if not entries:
            message = f"no visit {visit_id}" if revision is None else f"no revision {revision} of the visit {visit_id}"
            raise UnknownVisitError(message)
        summary = _readable(await asyncio.to_thread(self._journal.line_at, current_of(entries).offset))
        if summary is None:
            message = f"the line of the visit {visit_id} is not one of ours, and cannot be read"
            raise UnknownVisitError(message)
        return summary

    async def page(self, wanted: Filter, cursor: str | None, limit: int) -> Page:
        """Return up to *limit* summaries that are *wanted*, from *cursor* on; raise ``WrongFieldError``."""
        offset = self._offset(cursor)
        stop = min(self._journal.end, offset + SCAN_BYTES_MAX)
        summaries: list[Summary] = []
        while offset < stop and len(summaries) < limit:
            found, offset = await self._slice(offset, wanted.admits)
            if wanted.current:
                found = await self._current(found)
            if len(found) > limit - len(summaries):
                found = found[: limit - len(summaries)]
                offset = found[-1].end
            summaries += [one.summary for one in found]
        return Page(summaries, str(offset) if offset < self._journal.end else None)

    async def newest(self, wanted: Filter, limit: int) -> Page:
        """Return up to *limit* of the last summaries that are *wanted*, out of the last lines of the file."""
        offset = await asyncio.to_thread(self._near_end)
        found, _ = await self._slice(offset, wanted.admits)
        if wanted.current:
            found = await self._current(found)
        return Page([one.summary for one in found[-limit:]], None)

    def _near_end(self) -> int:
        """Return where a line begins, at most ``NEWEST_BYTES`` before the end."""
        begin = max(0, self._journal.end - NEWEST_BYTES)
        return begin if begin == 0 else begin + self._journal.read(begin, NEWEST_BYTES).find(b"\n") + 1

    def _offset(self, cursor: str | None) -> int:
        if cursor is None:
            return 0
        offset = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 20 else -1  # noqa: PLR2004
        if offset != 0 and (not 0 < offset <= self._journal.end or self._journal.read(offset - 1, 1) != b"\n"):
            raise WrongFieldError(field="cursor", detail="take the next_cursor of an answer, unchanged")
        return offset

    async def _slice(self, offset: int, admits: Callable[[Summary], bool]) -> tuple[list[Found], int]:
        """Return what is admitted of the lines from *offset* on, and where they end."""
        found: list[Found] = []
        for line in await asyncio.to_thread(whole_lines, self._journal, offset, SLICE_BYTES):
            end = offset + len(line) + 1
            summary = _readable(line)
            if summary is not None and admits(summary):
                found.append(Found(summary, offset, end))
            offset = end
        return found, offset

    async def _current(self, found: list[Found]) -> list[Found]:
        known = await self._known({one.summary.visit_id for one in found}) if found else {}
        return [one for one in found if _is_current(one, known.get(one.summary.visit_id, ()))]

    async def _known(self, visit_ids: set[str]) -> dict[str, tuple[Entry, ...]]:
        await self._indexing.wait(CATCH_UP_SECONDS)
        try:
            mark, known, _ = await self._days.look_up(visit_ids)
        except IndexAwayError:
            self._indexing.again()
            raise
        if mark.through_bytes < self._indexing.mark.through_bytes:
            self._indexing.again()
            raise IndexBehindError
        return known


def _moment(field: str, written: str | None) -> datetime | None:
    try:
        return None if written is None else _zoned(written)
    except (msgspec.ValidationError, ValueError) as error:
        raise WrongFieldError(field=field, detail="a time is RFC 3339 with a zone, as 2026-01-31T09:00:00Z") from error


def _readable(line: bytes) -> Summary | None:
    try:
        return _summary(line)
    except UNREADABLE:
        return None


def _is_current(one: Found, entries: tuple[Entry, ...]) -> bool:
    """Tell by *entries*; a line that the index does not know yet is as current as can be."""
    return not entries or current_of(entries).offset == one.offset

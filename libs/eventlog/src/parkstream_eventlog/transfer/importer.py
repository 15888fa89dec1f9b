"""Exported lines back into an empty log, at the same positions and recorded times.

An import may be interrupted and run again: with its records the log keeps a digest of the lines that they came from, so
that only the same file goes on, exactly behind the last record. A log that nobody has created yet becomes the one that
the first line names.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Final, NamedTuple, Protocol

from parkstream_eventlog.errors import EventLogError
from parkstream_eventlog.log import Record
from parkstream_eventlog.schema import Schema
from parkstream_eventlog.transfer.json_lines import LineError, record_and_log_of

BATCH_MAX: Final = 500
BATCH_BYTES_MAX: Final = 1 << 20
IN_FLIGHT: Final = 4
"""Batches that are sent before the first of them is answered."""
MARK_BYTES: Final = 16


class NotImportedError(EventLogError):
    """An import ends before the end of its file; the text says where, why, and how to go on."""


class Standing(NamedTuple):
    """How far a log is imported: *mark* is the digest of the lines up to *position*, empty when none is under way."""

    position: int
    mark: str
    holds_records: bool


class Batch(NamedTuple):
    """Records that are written in one step, and where each event among them comes from.

    *log_id* is that of the log that they were exported from; "" when their file names none.
    """

    log_id: str
    first_line: int
    records: list[Record]
    origins: list[tuple[int, str] | None]
    mark_before: str
    mark: str


class Target(Protocol):
    """A log that takes in records as they are."""

    @property
    def schema(self) -> Schema:
        """What the log needs to know of its domain."""
        ...

    async def standing(self) -> Standing:
        """Return how far it is."""
        ...

    async def take(self, batches: Sequence[Batch]) -> None:
        """Write *batches*, each in one step; raise ``NotImportedError`` at the first that does not fit."""
        ...

    async def finish(self, mark: str) -> None:
        """End the import whose last batch left *mark*."""
        ...


def _ignore(_: int) -> None:
    """Watch nothing."""


async def import_lines(
    lines: Iterable[bytes], target: Target, *, archived: bool = False, reached: Callable[[int], None] = _ignore
) -> Standing:
    """Import *lines* into *target* and return where it stands then; raises ``NotImportedError``.

    *archived* allows them to begin after position 1, as if what comes before was archived. ``reached(position)`` is
    called after each write.
    """
    standing = await target.standing()
    if standing.holds_records and not standing.mark:
        message = (
            f"the log is not empty, it ends at position {standing.position}: import into another, empty one "
            "(PARKSTREAM_MALL, PARKSTREAM_REDIS_URL)"
        )
        raise NotImportedError(message)
    reader = Reader(lines, standing, target.schema, archived=archived)
    await _write(reader.batches(), target, reached)
    if reader.mark:
        await target.finish(reader.mark)
    return await target.standing()


async def _write(batches: Iterator[Batch], target: Target, reached: Callable[[int], None]) -> None:
    """Let *target* take one group of batches while the next is read."""
    writing: asyncio.Task[None] | None = None
    error: NotImportedError | None = None
    try:
        while error is None:
            group, error = await asyncio.to_thread(_group, batches)
            if writing:
                await writing
            if not group:
                break
            writing = asyncio.create_task(target.take(group))
            reached(group[0].records[0].position - 1)
    finally:
        if writing:
            await writing
    if error:
        raise error


def _group(batches: Iterator[Batch]) -> tuple[list[Batch], NotImportedError | None]:
    """Return the next batches, and the error that ends them, if one does."""
    group: list[Batch] = []
    try:
        group.extend(islice(batches, IN_FLIGHT))  # What came before an error stays.
    except NotImportedError as error:
        return group, error
    return group, None


class Reader:
    """Makes batches of *lines* and checks them: positions without a gap, recorded times that never go back."""

    def __init__(self, lines: Iterable[bytes], standing: Standing, schema: Schema, *, archived: bool) -> None:
        self._lines = self._numbered(lines)
        self._standing = standing
        self._origin_of = schema.origin_of
        self._archived = archived
        self._digest = blake2b(digest_size=MARK_BYTES)
        self._last: Record | None = None
        self._line = 0
        self._first_line = 1
        """Of the batch that is read."""
        self._log_id = ""
        self.mark = standing.mark
        """Of all that was read."""

    def batches(self) -> Iterator[Batch]:
        """Yield what the log has not got yet; raise ``NotImportedError`` for the first line that is wrong."""
        if self._standing.mark:
            self._pass_by()
        while records := self._records():
            mark_before, self.mark = self.mark, self._digest.hexdigest()
            origins = [self._origin_of(record.type, record.body) for record in records]
            yield Batch(self._log_id, self._first_line, records, origins, mark_before, self.mark)

    def _pass_by(self) -> None:
        """Read what an interrupted import has written, and check that it came from these lines."""
        position, mark = self._standing.position, self._standing.mark
        for number, line in self._lines:
            self._first_line = number
            record = self._record(number, line)
            if record.position == position and self._digest.hexdigest() == mark:
                return
            if record.position >= position:
                break
        message = (
            f"the log holds an import of another file, or was written to since: up to position {position} it does not "
            "come from these lines. Go on with the file that was begun, or import into an empty log (PARKSTREAM_MALL)"
        )
        raise NotImportedError(message)

    def _records(self) -> list[Record]:
        self._first_line = self._line + 1
        records: list[Record] = []
        size = 0
        for number, line in self._lines:
            records.append(self._record(number, line))
            size += len(line)
            if len(records) == BATCH_MAX or size >= BATCH_BYTES_MAX:
                break
        return records

    def _numbered(self, lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        number = 0
        try:
            for number, line in enumerate(lines, 1):
                yield number, line
        except LineError as error:
            raise self._refusal(number + 1, str(error)) from error

    def _record(self, number: int, line: bytes) -> Record:
        self._line = number
        self._digest.update(line if line.endswith(b"\n") else line + b"\n")
        try:
            record, log_id = record_and_log_of(line)
        except LineError as error:
            raise self._refusal(number, str(error)) from error
        self._check(number, record, log_id)
        self._last = record
        return record

    def _check(self, number: int, record: Record, log_id: str) -> None:
        last = self._last
        if last is None:
            self._log_id = log_id
            if record.position != 1 and not self._archived:
                begins = f"the file begins with position {record.position}, not with 1"
                advice = "allow it with --archived, as if what comes before was archived"
                raise self._refusal(number, f"{begins}: {advice}")
            return
        if log_id not in {"", self._log_id}:
            above = f"are of {self._log_id}" if self._log_id else "name no log"
            raise self._refusal(number, f"it is of the log {log_id}, the lines above {above}")
        if record.position != last.position + 1:
            raise self._refusal(number, f"position {last.position + 1} comes next, not {record.position}")
        if record.recorded_at_us < last.recorded_at_us:
            raise self._refusal(number, "it was recorded before the record of the line above")

    def _refusal(self, number: int, problem: str) -> NotImportedError:
        return refusal(number, self._first_line, problem)


def refusal(line: int, first_line: int, problem: str) -> NotImportedError:
    """Return the error for *line*, in the batch that begins with *first_line*."""
    return NotImportedError(
        f"line {line}: {problem}. Nothing from line {first_line} on was imported, all before was; "
        f"mend the line and import the same file again, it goes on there"
    )

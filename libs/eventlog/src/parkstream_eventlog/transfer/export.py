"""The log as lines of JSON, read in batches: up to where it ended when the export began."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from parkstream_eventlog.log import LogReader, Record
from parkstream_eventlog.prefetch import batches_of
from parkstream_eventlog.transfer.json_lines import line_of

BATCH_MAX: Final = 2_000


async def exported(log: LogReader, first: int = 1, last: int | None = None) -> AsyncGenerator[list[Record], None]:
    """Yield the records of *log* from position *first* to *last*, by default to where it ends now.

    Raises ``GapError`` when one of them is not there.
    """
    end = (await log.state()).position
    async for records in batches_of(log, first - 1, end if last is None else min(last, end), BATCH_MAX):
        yield records


def lines_of(records: Sequence[Record], log_id: str | None = None) -> bytes:
    """Return *records* as lines of JSON, of which the first names the log *log_id* when that is given."""
    return b"".join((*(line_of(record, log_id) for record in records[:1]), *map(line_of, records[1:])))

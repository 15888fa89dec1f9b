"""``parkstream log export`` and ``import``: the log to a file, and back into an empty one."""

import asyncio
import io
import sys
import time
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Annotated, cast

from cyclopts import Parameter, validators
from msgspec import Struct
from parkstream_eventlog import GapError
from parkstream_eventlog.transfer.export import exported
from parkstream_eventlog.transfer.export_files import Format, LinesSink, Sink, sink_for
from parkstream_eventlog.transfer.importer import import_lines
from parkstream_eventlog.transfer.line_files import lines_in
from parkstream_eventlog.transfer.redis_import import RedisImport
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_projection.rebuild.gc_pause import rarely_collected

from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.output import AsJson, as_json, line, note
from parkstream_cli.progress import progress
from parkstream_cli.written_log import opened_to_import

STANDARD = "-"
Position = Annotated[int, Parameter(validator=validators.Number(gte=1))]


class Moved(Struct, frozen=True):
    """What was exported or imported."""

    file: str
    first: int
    last: int
    records: int
    seconds: float
    log_id: str
    """Of the log that it was exported from, or imported into."""


async def export_log(
    file: Annotated[
        str, Parameter(help="The file to write; - is the standard output, .zst compresses.", allow_leading_hyphen=True)
    ],
    /,
    *,
    first: Annotated[Position, Parameter(name="--from", help="The first position.")] = 1,
    last: Annotated[
        Position | None, Parameter(name="--to", help="The last; by default where the log ends now.")
    ] = None,
    format_: Annotated[Format, Parameter(name="--format", help="Parquet needs pyarrow.")] = "jsonl",
    json: AsJson = False,
) -> int:
    """Write records to a file, a line of JSON each, bodies exactly as they came.

    Reads the log only, on a live system too. The file appears when it is whole.
    """
    try:
        with rarely_collected():
            moved = await _export(file, first, last, format_)
    except GapError as error:
        message = (
            f"positions {error.expected} to {error.found - 1} are not in the log: say where their archive is "
            f"(PARKSTREAM_ARCHIVE_DIR), or export with --from {error.found}"
        )
        raise ToolError(message) from error
    _show(moved, "exported", json=json, aside=file == STANDARD)
    return 0


async def _export(file: str, first: int, last: int | None, format_: Format) -> Moved:
    begun, records, position = time.monotonic(), 0, first - 1
    async with opened(settings_here()) as it:
        state = await it.log.state()
        end = state.position
        last = min(last or end, end)
        if first > last + 1:
            message = f"the log ends at position {end}, and the export would be from {first} to {last}: choose others"
            raise ToolError(message, exit_code=MISUSED)
        with _sink(file, format_, state.log_id) as sink, progress("exporting", last - first + 1) as reached:
            async with aclosing(exported(it.log, first, last)) as batches:
                async for batch in batches:
                    await asyncio.to_thread(sink.write, batch)
                    records, position = records + len(batch), batch[-1].position
                    reached(records)
    return Moved(file, first, position, records, time.monotonic() - begun, state.log_id)


async def import_log(
    file: Annotated[
        str, Parameter(help="Exported lines, compressed or not; - is the standard input.", allow_leading_hyphen=True)
    ],
    /,
    *,
    archived: Annotated[
        bool, Parameter(help="Allow a file that begins after position 1; what is before is archived.", negative="")
    ] = False,
    json: AsJson = False,
) -> int:
    """Write exported records into an EMPTY log, at their positions and with their recorded times.

    Every line is checked before it is written. Run an interrupted import again to finish it. Without a log there yet,
    it becomes the one that was exported, by its id, too. Ids of events are remembered as if they had just come. Visits
    and summaries are not touched: a backend makes them of the log.
    """
    with rarely_collected():
        moved = await _import(file, archived=archived)
    _show(moved, "imported", json=json, aside=False)
    return 0


async def _import(file: str, *, archived: bool) -> Moved:
    begun, settings = time.monotonic(), settings_here()
    async with opened_to_import(settings) as (it, only):
        before = (await it.log.state()).position
        days = settings.dedupe_days
        target = RedisImport(it.redis, it.keys, LOG_SCHEMA, dedupe_days=days, only_log_id=only)
        with _bytes_of(file) as lines, progress("importing") as reached:
            await import_lines(lines_in(lines), target, archived=archived, reached=reached)
        state = await it.log.state()
    first = max(before, state.archived_through) + 1
    records = state.position + 1 - first
    return Moved(file, first, state.position, records, time.monotonic() - begun, state.log_id)


@contextmanager
def _sink(file: str, format_: Format, log_id: str) -> Generator[Sink, None, None]:
    if format_ == "parquet" and (file == STANDARD or file.endswith(".zst")):
        message = "Parquet needs a file of its own, and compresses by itself: name one that does not end in .zst"
        raise ToolError(message, exit_code=MISUSED)
    if file == STANDARD:
        yield LinesSink(sys.stdout.buffer, log_id)
        sys.stdout.buffer.flush()
        return
    try:
        with sink_for(Path(file), format_, log_id) as sink:
            yield sink
    except OSError as error:
        message = f"{file} cannot be written: {error}"
        raise ToolError(message) from error
    except ImportError as error:
        raise ToolError(str(error)) from error


@contextmanager
def _bytes_of(file: str) -> Generator[io.BufferedReader, None, None]:
    if file == STANDARD:
        yield cast("io.BufferedReader", sys.stdin.buffer)
        return
    if not Path(file).exists() or Path(file).is_dir():
        message = f"{file} is no file: name what parkstream log export wrote"
        raise ToolError(message)
    with Path(file).open("rb") as opened:
        yield opened


def _show(moved: Moved, done: str, *, json: bool, aside: bool) -> None:
    """Print what was *done*, on stderr when the records themselves went to the standard output."""
    if json:
        as_json(moved, aside=aside)
        return
    what = f"{moved.records:,} records, positions {moved.first:,} to {moved.last:,}" if moved.records else "no records"
    (note if aside else line)(f"{done} {what} in {moved.seconds:.1f} s")

"""``parkstream log archive`` and ``restore``: old records go to files and come back, while everything runs."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

from cyclopts import Parameter, validators
from parkstream_eventlog.archive import BarrierError
from parkstream_eventlog.archive.moves import KEEP, Limit, Moved, Reached, move_to_archive, restore_from_archive
from parkstream_projection import Versions
from parkstream_projection.opened import Opened
from parkstream_projection.questions.record_names import names_of

from parkstream_cli.connections import settings_here
from parkstream_cli.errors import EXPECTED, MISUSED, ToolError
from parkstream_cli.output import AsJson, as_json, line
from parkstream_cli.output import error as report
from parkstream_cli.progress import progress
from parkstream_cli.written_log import opened_to_write

Move = Callable[[Opened, Path, Reached], Coroutine[Any, Any, Moved]]
Folder = Annotated[Path | None, Parameter(name="--dir", help="The archive; by default PARKSTREAM_ARCHIVE_DIR.")]
Position = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Count = Annotated[int, Parameter(validator=validators.Number(gte=0))]
Seconds = Annotated[float, Parameter(validator=validators.Number(gt=0))]
Days = Annotated[float, Parameter(validator=validators.Number(gte=0))]
DryRun = Annotated[bool, Parameter(help="Only print what would be moved.", negative="")]
Kept = Annotated[Count | None, Parameter(help=f"How many of the newest records stay in Redis, by default {KEEP:,}.")]
Through = Annotated[Position | None, Parameter(help="The last position to move.")]
OlderThan = Annotated[Days | None, Parameter(help="Move what was recorded more than so many days ago.")]
Every = Annotated[Seconds | None, Parameter(help="Repeat after so many seconds, until it is stopped.")]
From = Annotated[Position | None, Parameter(name="--from", help="The first position to come back, by default all.")]


def archive(  # noqa: PLR0913 - its options
    *,
    folder: Folder = None,
    keep: Kept = None,
    through: Through = None,
    older_than: OlderThan = None,
    every: Every = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> int:
    """Move old records from Redis into compressed files, where the tools and the backend still read them.

    A record leaves the log only when it was read back from the disk and compared. Nothing goes that a projection has
    not folded, or that a replay still reads. Visits, summaries and the index of ids stay as they are. It may be
    interrupted at any time: the next run finishes it. Only one may run in a folder at a time.
    """
    if sum(limit is not None for limit in (keep, through, older_than)) > 1:
        message = "give one of --keep, --through and --older-than"
        raise ToolError(message, exit_code=MISUSED)
    limit = Limit(keep, through, older_than)

    def move(it: Opened, place: Path, reached: Reached) -> Coroutine[Any, Any, Moved]:
        return move_to_archive(
            it.redis, it.keys, it.log, place, limit, dry_run=dry_run, reached=reached, writer=it.writer, names=names_of
        )

    def once() -> int:
        return _show(_run(folder, move, "archive", dry_run=dry_run), "archive", json=json)

    return once() if every is None else _again_and_again(once, every)


def restore(*, folder: Folder = None, from_: From = None, dry_run: DryRun = False, json: AsJson = False) -> int:
    """Bring archived records back into Redis, while everything else runs on.

    The log is built anew beside itself and takes its own place in one step; until then nothing has changed, and when
    it was interrupted the next run begins anew. Needs room in Redis for the whole log once more until it is done.
    Leaves the archive as it is.
    """

    def move(it: Opened, place: Path, reached: Reached) -> Coroutine[Any, Any, Moved]:
        return restore_from_archive(it.redis, it.keys, place, from_, dry_run=dry_run, reached=reached, writer=it.writer)

    return _show(_run(folder, move, "restore", dry_run=dry_run), "restore", json=json)


def _again_and_again(once: Callable[[], int], every_seconds: float) -> NoReturn:
    """Do it for ever; an error is printed, and it is tried again the next time."""
    while True:
        try:
            once()
        except EXPECTED as error:
            report(error)
        time.sleep(every_seconds)


def _run(folder: Path | None, move: Move, verb: str, *, dry_run: bool) -> Moved:
    """Open everything, and *move* records between the log and the archive in *folder*."""
    settings = settings_here()
    place = folder or (Path(settings.archive_dir) if settings.archive_dir else None)
    if place is None:
        message = "where? give --dir, or set PARKSTREAM_ARCHIVE_DIR for the backend and the tools"
        raise ToolError(message, exit_code=MISUSED)

    async def run() -> Moved:
        async with opened_to_write(settings, only_looks=dry_run) as it:
            try:
                with progress(verb) as reached:
                    return await move(it, place, reached)
            except BarrierError as error:
                raise await _with_a_way_out(it, error) from error

    try:
        return asyncio.run(run())
    except OSError as error:
        message = f"{error.filename or place}: {error.strerror}: set that right and run it again; nothing is lost"
        raise ToolError(message) from error


async def _with_a_way_out(it: Opened, error: BarrierError) -> Exception:
    """Return *error*, or one that says what to do about a version that a switch or a rebuild has left."""
    versions = await Versions(it.redis, it.keys).all() if error.kind == "projection" else []
    version = next((one for one in versions if str(one.number) == error.name and not one.live), None)
    if version is None:
        return error
    drop = f"drop it (parkstream replay --drop {version.number})"
    rebuild = f"end its rebuild (parkstream replay --version {version.number}), or {drop}"
    todo = f"{drop} if it shall not become live" if version.rebuilt else rebuild
    return ToolError(
        f"version {version.number} of the projection, which is not the live one, has only got to position "
        f"{error.position}, and {error.through} shall be archived: {todo}, or archive --through {error.position}"
    )


def _show(moved: Moved, verb: str, *, json: bool) -> int:
    holds = f"the log holds {moved.position - moved.archived_through:,} records"
    what = f"{moved.records:,} records, positions {moved.first:,} to {moved.last:,} ({moved.dir})"
    if json:
        as_json(moved)
    elif not moved.records:
        line(f"nothing to {verb}: {holds}")
    else:
        line(f"would {verb} {what}; {holds}" if moved.dry_run else f"{verb}d {what}; {holds} now")
    return 0

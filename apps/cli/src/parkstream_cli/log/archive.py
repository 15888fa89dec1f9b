"""``parkstream log archive`` and ``restore``: old records go to files and come back, while everything runs."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, NoReturn, TypeVar

import msgspec
from cyclopts import Parameter, validators
from msgspec import Struct
from parkstream_eventlog import EventLog
from parkstream_eventlog.archive import Archive, Archiver, Restorer, last_recorded_before
from parkstream_events.units import DAY_US

from parkstream_cli.connections import Opened, opened, settings_here
from parkstream_cli.errors import EXPECTED, MISUSED, ToolError
from parkstream_cli.progress import progress

KEEP: Final = 50_000

ResultT = TypeVar("ResultT")
Folder = Annotated[Path | None, Parameter(name="--dir", help="The archive; by default PARKSTREAM_ARCHIVE_DIR.")]
Position = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Count = Annotated[int, Parameter(validator=validators.Number(gte=0))]
Seconds = Annotated[float, Parameter(validator=validators.Number(gt=0))]
Days = Annotated[float, Parameter(validator=validators.Number(gte=0))]
DryRun = Annotated[bool, Parameter(help="Only say what would be done.", negative="")]
AsJson = Annotated[bool, Parameter(help="Print one JSON object instead.", negative="")]
Kept = Annotated[Count | None, Parameter(help=f"The newest records that stay, by default {KEEP:,}.")]
Through = Annotated[Position | None, Parameter(help="The last position that goes.")]
OlderThan = Annotated[Days | None, Parameter(help="Days: what was recorded longer ago goes.")]
Every = Annotated[Seconds | None, Parameter(help="Do it again and again, so many seconds later, until it is ended.")]
From = Annotated[Position | None, Parameter(name="--from", help="The first position to come back, by default all.")]


class Moved(Struct, frozen=True, kw_only=True):
    """What was moved between the log and its archive."""

    dir: str
    dry_run: bool
    records: int
    first: int
    last: int
    segments: int
    position: int
    archived_through: int
    """As it is now."""


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
    """Move old records from Redis into compressed files, where the tools and the backend go on reading them.

    A record leaves the log only when it was read back from the disk and compared. Nothing goes that a projection has
    not taken in, or that a replay still reads. Touches neither visits nor summaries, nor the ids that tell duplicates.
    May be interrupted at any time: the next run finishes. One at a time may run in a folder.
    """
    if sum(limit is not None for limit in (keep, through, older_than)) > 1:
        message = "give one of --keep, --through and --older-than"
        raise ToolError(message, exit_code=MISUSED)
    limit = Limit(keep, through, older_than)

    def once() -> int:
        return _tell(_run(folder, lambda it, place: _archived(it, place, limit, dry_run=dry_run)), "archive", json=json)

    return once() if every is None else _again_and_again(once, every)


def restore(*, folder: Folder = None, from_: From = None, dry_run: DryRun = False, json: AsJson = False) -> int:
    """Bring archived records back into Redis, while everything goes on writing and reading.

    The log is built anew beside itself and takes its own place in one step; until then nothing has changed, and when
    it was interrupted the next run begins anew. Needs room in Redis for the whole log once more until it is done.
    Leaves the archive as it is.
    """
    return _tell(_run(folder, lambda it, place: _restored(it, place, from_, dry_run=dry_run)), "restore", json=json)


def _again_and_again(once: Callable[[], int], every_seconds: float) -> NoReturn:
    """Do it for ever; what goes wrong is told, and tried again the next time."""
    while True:
        try:
            once()
        except EXPECTED as error:
            sys.stderr.write(f"error: {error}\n")
        sys.stdout.flush()
        time.sleep(every_seconds)


class Limit(NamedTuple):
    """How far to archive, in one of three ways."""

    keep: int | None
    through: int | None
    older_than: float | None

    async def position(self, log: EventLog) -> int:
        """Return the last position of *log* that goes."""
        if self.through is not None:
            return self.through
        state = await log.state()
        if self.older_than is not None:
            return await last_recorded_before(log, state, state.now_us - round(self.older_than * DAY_US))
        return state.position - (KEEP if self.keep is None else self.keep)


async def _archived(it: Opened, place: Path, limit: Limit, *, dry_run: bool) -> Moved:
    archiver = Archiver(it.redis, it.keys, Archive(place, it.keys.mall))
    plan = await archiver.plan(await limit.position(it.log))
    segments = 0
    if not dry_run:
        with progress("archive", plan.records) as reached:
            segments = await archiver.run(plan, reached)
    return Moved(
        dir=str(place),
        dry_run=dry_run,
        records=plan.records,
        first=plan.archived_through + 1,
        last=plan.through,
        segments=segments,
        position=plan.position,
        archived_through=plan.archived_through if dry_run else plan.archived_through + plan.records,
    )


async def _restored(it: Opened, place: Path, first: int | None, *, dry_run: bool) -> Moved:
    restorer = Restorer(it.redis, it.keys, Archive(place, it.keys.mall))
    plan = await restorer.plan(first)
    if not dry_run:
        with progress("restore", plan.written) as reached:
            await restorer.run(plan, reached)
    return Moved(
        dir=str(place),
        dry_run=dry_run,
        records=plan.records,
        first=plan.after + 1,
        last=plan.archived_through,
        segments=0,
        position=plan.position,
        archived_through=plan.archived_through - (0 if dry_run else plan.records),
    )


def _run(folder: Path | None, move: Callable[[Opened, Path], Coroutine[Any, Any, ResultT]]) -> ResultT:
    """Open everything, and *move* records between the log and the archive in *folder*."""
    settings = settings_here()
    place = folder or (Path(settings.archive_dir) if settings.archive_dir else None)
    if place is None:
        message = "where? give --dir, or set PARKSTREAM_ARCHIVE_DIR for the backend and the tools"
        raise ToolError(message, exit_code=MISUSED)

    async def run() -> ResultT:
        async with opened(settings) as it:
            return await move(it, place)

    try:
        return asyncio.run(run())
    except OSError as error:
        message = f"{error.filename or place}: {error.strerror}: set that right and run it again; nothing is lost"
        raise ToolError(message) from error


def _tell(moved: Moved, verb: str, *, json: bool) -> int:
    if json:
        sys.stdout.write(msgspec.json.encode(moved).decode() + "\n")
        return 0
    holds = f"the log holds {moved.position - moved.archived_through:,} records"
    if not moved.records:
        sys.stdout.write(f"nothing to {verb}: {holds}\n")
        return 0
    what = f"{moved.records:,} records, positions {moved.first:,} to {moved.last:,} ({moved.dir})"
    sys.stdout.write(f"would {verb} {what}; {holds}\n" if moved.dry_run else f"{verb}d {what}; {holds} now\n")
    return 0

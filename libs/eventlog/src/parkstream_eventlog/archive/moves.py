"""Old records moved between the log and its archive: how far, and what came of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct
from parkstream_service.units import DAY_US
from redis.asyncio import Redis

from parkstream_eventlog.archive.archiver import Archiver, last_recorded_before
from parkstream_eventlog.archive.index import Names
from parkstream_eventlog.archive.reader import Archive
from parkstream_eventlog.archive.restorer import Restorer
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.log import EventLog
from parkstream_eventlog.writer import Writer

KEEP: Final = 50_000

Reached = Callable[[int, int], None]
"""Is called with how many records are done, and of how many."""


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


async def move_to_archive(  # noqa: PLR0913 - what it works on
    redis: Redis,
    keys: LogKeys,
    log: EventLog,
    place: Path,
    limit: Limit,
    *,
    dry_run: bool,
    reached: Reached,
    writer: Writer | None = None,
    names: Names | None = None,
) -> Moved:
    """Move records up to *limit* from *log* to the archive in *place*; with *dry_run* only say which.

    Each segment gets an index by *names*.
    """
    archiver = Archiver(redis, keys, Archive(place, keys.name), writer)
    plan = await archiver.plan(await limit.position(log))
    segments = 0
    if not dry_run:
        segments = await archiver.run(plan, lambda done: reached(done, plan.records))
        if names is not None:
            await archiver.index(names)
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


async def restore_from_archive(  # noqa: PLR0913 - what it works on
    redis: Redis,
    keys: LogKeys,
    place: Path,
    first: int | None,
    *,
    dry_run: bool,
    reached: Reached,
    writer: Writer | None = None,
) -> Moved:
    """Bring archived records from position *first* on back into Redis; with *dry_run* only say which."""
    restorer = Restorer(redis, keys, Archive(place, keys.name), writer)
    plan = await restorer.plan(first)
    if not dry_run:
        await restorer.run(plan, lambda done: reached(done, plan.written))
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

"""How much the log holds, how fast it grows, and what of."""

from collections import Counter
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct
from parkstream_eventlog import EventLog, GapError, LogState, position_at
from parkstream_eventlog.log import DEDUPE_DAYS
from parkstream_events.sightings import moment_of
from parkstream_events.units import DAY_US, SECOND_US
from redis.asyncio import Redis

from parkstream_cli.connections import Opened
from parkstream_cli.output import lasting, line
from parkstream_cli.progress import progress

SAMPLES: Final = 10
BATCH: Final = 1_000
RATES: Final = {"10 s": 10, "minute": 60, "hour": 3_600}


class End(Struct, frozen=True):
    """The oldest or newest record."""

    position: int
    recorded_at: datetime
    age_seconds: float


class Types(Struct, frozen=True):
    """How many of *records* are of which type; those are all, or a sample."""

    are: Literal["exact", "sampled"]
    records: int
    counts: dict[str, int]


class Figures(Struct, frozen=True):
    """What ``stats`` says; sizes in bytes, as Redis estimates them unless ``types.are`` exact."""

    records: int
    archived: int
    in_redis: int
    stream_bytes: int
    index_bytes: int
    bytes_per_record: float | None
    per_second: dict[str, float | None]
    """Over the last 10 s, minute and hour; None where that began in an archive that is not here."""
    oldest: End | None
    newest: End | None
    types: Types


async def figures(it: Opened, *, exact: bool) -> Figures:
    """Return the figures of the log; *exact* looks at every record."""
    state = await it.log.state()
    stream = await _memory(it.redis, it.keys.log, exact=exact)
    today = state.now_us // DAY_US
    days = range(today - DEDUPE_DAYS - 1, today + 2)
    index = sum([await _memory(it.redis, it.keys.log_ids(day), exact=exact) for day in days])
    return Figures(
        records=state.position,
        archived=state.archived_through,
        in_redis=state.length,
        stream_bytes=stream,
        index_bytes=index,
        bytes_per_record=round((stream + index) / state.length, 1) if state.length else None,
        per_second={name: await _rate(it.log, state, seconds) for name, seconds in RATES.items()},
        oldest=await _oldest(it.log, state),
        newest=await _end(it.log, state, state.position),
        types=await _types(it.log, state, exact=exact),
    )


def show(found: Figures) -> None:
    """Print what was *found* for people."""
    line(f"records   {found.records:,}: {found.in_redis:,} in Redis, {found.archived:,} archived")
    if found.bytes_per_record is not None:
        sizes = f"stream {found.stream_bytes:,}, id index {found.index_bytes:,}, {found.bytes_per_record:,} a record"
        line(f"bytes     {sizes}")
    rates = ", ".join(
        f"{'unknown' if rate is None else f'{rate:,.1f}/s'} in the last {name}"
        for name, rate in found.per_second.items()
    )
    line(f"rate      {rates}")
    for name, end in (("oldest", found.oldest), ("newest", found.newest)):
        if end is not None:
            age = lasting(int(end.age_seconds * SECOND_US))
            line(f"{name}    {end.position:,}, recorded {end.recorded_at:%Y-%m-%d %H:%M:%S}Z, {age} ago")
    of = "all" if found.types.are == "exact" else f"a sample of {found.types.records:,} (--exact reads all)"
    for type_, count in sorted(found.types.counts.items(), key=lambda item: -item[1]):
        line(f"type      {type_:<22}  {count:>11,}  {count / found.types.records:>6.1%} of {of}")


async def _memory(redis: Redis, key: str, *, exact: bool) -> int:
    untyped: Any = redis
    return int(await untyped.memory_usage(key, samples=0 if exact else None) or 0)


async def _rate(log: EventLog, state: LogState, seconds: int) -> float | None:
    try:
        since = await position_at(log, state.now_us - seconds * SECOND_US)
    except GapError:
        return None
    return max(0, state.position + 1 - since) / seconds


async def _oldest(log: EventLog, state: LogState) -> End | None:
    """Return the first record, or the first in Redis when the archive is not here."""
    try:
        return await _end(log, state, 1)
    except GapError:
        return await _end(log, state, state.archived_through + 1)


async def _end(log: EventLog, state: LogState, position: int) -> End | None:
    if not 1 <= position <= state.position:
        return None
    (record,) = await log.read(position - 1, 1)
    age_us = max(0, state.now_us - record.recorded_at_us)
    return End(position, moment_of(record.recorded_at_us), age_us / SECOND_US)


async def _types(log: EventLog, state: LogState, *, exact: bool) -> Types:
    """Count all records, or some in batches that lie evenly over those in Redis."""
    first, count = state.archived_through + 1, state.length
    if exact:
        first, count = 1, state.position
    everything = exact or count <= SAMPLES * BATCH
    step = BATCH if everything else count // SAMPLES
    counts: Counter[str] = Counter()
    with progress("reading", count) as reached:
        for begin in range(first, first + count, step):
            records = await log.read(begin - 1, min(BATCH, first + count - begin))
            counts.update(record.type for record in records)
            reached(begin - first + len(records))
    return Types("exact" if everything else "sampled", counts.total(), dict(counts))

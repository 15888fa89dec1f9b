"""Is Redis there, does it keep what it acknowledges, and is the log as long as it must be."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from parkstream_devtools.probes import reason
from parkstream_devtools.redis_functions import LIBRARIES
from parkstream_eventlog import (
    ClocksApartError,
    LogState,
    RedisReader,
    WeakDurabilityError,
    check_durability,
    memory_share,
)
from parkstream_eventlog.archive import Archive, ArchiveError
from parkstream_eventlog.durability import DURABLE
from parkstream_eventlog.writer import CLOCK_US_MAX
from parkstream_events.keys import BackendKeys
from parkstream_service.redis import LibraryMissingError, connect
from parkstream_service.settings import hosts_of
from redis.asyncio import Redis
from redis.exceptions import RedisError

from parkstream_cli.doctor.findings import Finding, note, ok, version_of, wrong

OLDEST: Final = (7, 0)
FULL: Final = 0.8
LAZY: Final = "lazyfree-lazy-expire"
RESTORE: Final = "Redis lost data or is another one: restore its append-only file before anything else writes"
NO_FOLDER: Final = "set PARKSTREAM_ARCHIVE_DIR to that folder, so that the tools find those records"
OTHER_FOLDER: Final = "set PARKSTREAM_ARCHIVE_DIR to the folder that it was archived to, or bring its files back"


class _Placed(msgspec.Struct):
    position: int


async def examine(
    url: str, mall: str, summary_file: Path, summaries_position: int | None, archive_dir: str | None = None
) -> list[Finding]:
    """Look at the Redis at *url* and at the log of *mall*; *summaries_position*: what the summary API knows, if any."""
    try:
        redis = connect(url)
    except ValueError as error:
        return [wrong("Redis", str(error), "set PARKSTREAM_REDIS_URL")]
    # The log is asked last: while it grows, whatever was made of it is behind it.
    implied = {"the summary file": last_position(summary_file), "the summary API": summaries_position}
    findings: list[Finding] = []
    try:
        for look in (_version, _functions, _durability, _lazy, _memory):
            findings.append(await look(redis))  # noqa: PERF401 - those before a failure count
        state = await RedisReader(redis, BackendKeys(mall)).state()
        findings += [_clock(state.now_us), _dense(state), *_from_the_future(state)]
    except LibraryMissingError:
        return findings
    except (RedisError, OSError) as error:
        return [wrong("Redis", f"{hosts_of(url)}: {reason(error)}", "start Redis, or set PARKSTREAM_REDIS_URL")]
    finally:
        await redis.aclose()
    findings += [_long_enough(state, what, position) for what, position in implied.items() if position]
    return [*findings, *_archive(state, archive_dir, mall)]


async def _version(redis: Redis) -> Finding:
    untyped: Any = redis
    version: str = (await untyped.info("server"))["redis_version"]
    if version_of(version) < OLDEST:
        return wrong("Redis", f"version {version}", "use Redis 7.0 or later: the log is written by functions")
    return ok("Redis", f"version {version}")


async def _functions(redis: Redis) -> Finding:
    untyped: Any = redis
    there = {library[1]: library for library in await untyped.execute_command("FUNCTION", "LIST", "WITHCODE")}
    missing = [one.versioned_name for one in LIBRARIES if one.versioned_name.encode() not in there]
    if missing:
        return wrong("functions", f"Redis has not got {', '.join(missing)}", "parkstream functions load")
    others = [one for one in LIBRARIES if one.source.encode() not in there[one.versioned_name.encode()]]
    if others:
        found = f"{', '.join(one.versioned_name for one in others)} are not those of this program"
        return wrong("functions", found, "find out who replaced them, then parkstream functions load")
    return ok("functions", "all are loaded, and as this program has them")


async def _lazy(redis: Redis) -> Finding:
    untyped: Any = redis
    if (await untyped.config_get(LAZY))[LAZY] != "yes":
        found = f"{LAZY} is no: each night a day of event ids is freed in one stop"
        return note("expiry", found, f"CONFIG SET {LAZY} yes, and in redis.conf")
    return ok("expiry", f"{LAZY} yes")


async def _durability(redis: Redis) -> Finding:
    try:
        await check_durability(redis)
    except WeakDurabilityError as error:
        return wrong("durability", "Redis may forget what it acknowledged", "; ".join(error.problems))
    return ok("durability", ", ".join(f"{name} {value}" for name, value in DURABLE.items()))


async def _memory(redis: Redis) -> Finding:
    share = await memory_share(redis)
    found = f"{share:.0%} of maxmemory in use" if share else "no maxmemory is set"
    if share >= FULL:
        return wrong("memory", found, "archive the log or raise maxmemory: until then recording pauses")
    return ok("memory", found)


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


def _long_enough(state: LogState, what: str, position: int) -> Finding:
    about = f"log against {what}"
    if position > state.position:
        return wrong(about, f"the log ends at {state.position}, {what} at {position}", RESTORE)
    return ok(about, f"{what} ends at position {position}")


def _archive(state: LogState, archive_dir: str | None, mall: str) -> list[Finding]:
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
    return [_long_enough(state, "the archive", through)]


def last_position(summary_file: Path) -> int | None:
    """Return the greatest position in *summary_file*, or nothing when it is not on this machine."""
    if not summary_file.is_file():
        return None
    decode = msgspec.json.Decoder(_Placed).decode
    greatest = 0
    with summary_file.open("rb") as lines:
        for line in lines:
            try:
                greatest = max(greatest, decode(line).position)
            except msgspec.DecodeError:
                continue  # A torn or foreign line places nothing; the summary API counts them.
    return greatest

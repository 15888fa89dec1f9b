"""All that belongs together, as it is at one instant at which Redis writes nothing: files opened, positions read."""

import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from parkstream_eventlog import LogState
from parkstream_eventlog.archive.manifest import NAME as ARCHIVE_MANIFEST
from parkstream_eventlog.archive.manifest import load as load_archive
from redis.asyncio import Redis

from parkstream_projection.backup.append_only_files import Place, open_all
from parkstream_projection.backup.copies import Source
from parkstream_projection.backup.errors import BackupError, NotHereError
from parkstream_projection.backup.manifest import ARCHIVE, BESIDE, SUMMARIES
from parkstream_projection.opened import Opened

PAUSE_SECONDS: Final = 4.0
"""Writes wait no longer than this, whatever becomes of us; ordinarily some milliseconds. Clients wait for 5 s."""
ATTEMPTS: Final = 20


class Instant(Struct):
    """What was there: the log's *state*, and *sources*, open, as long as they were."""

    state: LogState
    log_id: str | None
    sources: list[Source]


class _Passed(Exception):  # noqa: N818 - no error: the instant is tried again
    """Something changed while files were opened; *why* says what."""


async def instant(
    it: Opened, place: Place, archive: Path | None, summary_file: Path | None, stack: ExitStack
) -> Instant:
    """Open everything while writes to Redis pause; *stack* closes it. Raises ``BackupError``.

    What was settled in Redis is in the summary file by then, and what the file holds is in the outbox: both agree.
    """
    why = ""
    for _ in range(ATTEMPTS):
        with ExitStack() as files:
            try:
                found = await _once(it, place, archive, summary_file, files)
            except _Passed as error:
                why = str(error)
                continue
            stack.enter_context(files.pop_all())
            return found
    raise NotHereError(place.path, why)


async def _once(it: Opened, place: Place, archive: Path | None, summary_file: Path | None, files: ExitStack) -> Instant:
    begun = time.monotonic()
    async with _paused(it.redis):
        try:
            sources = open_all(place, files)
        except OSError as error:
            message = f"{error.filename}: {error.strerror}"
            raise _Passed(message) from error
        untyped: Any = it.redis
        wanted = (await untyped.info("persistence"))["aof_current_size"]
        there = sum(source.size for source in sources[:-1])
        if there != wanted:
            message = f"Redis reports {wanted:,} bytes, but {there:,} are there, so this is not what it writes"
            raise _Passed(message)
        state = await it.log.state()
        log_id = await untyped.hget(it.keys.log_meta, "log_id")
        sources += _archived(archive, state)
        if summary_file is not None:
            sources += _summaries(summary_file, files)
    if time.monotonic() - begun > PAUSE_SECONDS:
        message = "this machine is too slow: writes to Redis went on before all files were open"
        raise _Passed(message)
    return Instant(state, None if log_id is None else log_id.decode(), sources)


@asynccontextmanager
async def _paused(redis: Redis) -> AsyncGenerator[None]:
    untyped: Any = redis
    await untyped.client_pause(round(PAUSE_SECONDS * 1_000), all=False)
    try:
        yield
    finally:
        await untyped.client_unpause()


def _summaries(file: Path, files: ExitStack) -> list[Source]:
    """Return the summary file up to its last whole line, and what lies beside it."""
    summaries = Source.opened(f"{SUMMARIES}/{file.name}", file)
    files.enter_context(summaries.file)
    beside = file.with_name(file.name + BESIDE)
    if not beside.exists():
        return [summaries.up_to_line()]
    name = Source.opened(f"{SUMMARIES}/{beside.name}", beside)
    files.enter_context(name.file)
    return [summaries.up_to_line(), name]


def _archived(archive: Path | None, state: LogState) -> list[Source]:
    """Return the archive's manifest; what it lists never changes, so it is opened later."""
    if archive is None:
        if state.archived_through:
            message = f"records up to {state.archived_through} are archived: set PARKSTREAM_ARCHIVE_DIR to that folder"
            raise BackupError(message)
        return []
    manifest = load_archive(archive)
    if manifest.through < state.archived_through:
        message = (
            f"{archive} ends at {manifest.through}, but the log was archived through {state.archived_through}: "
            "set PARKSTREAM_ARCHIVE_DIR to the folder that it was archived to"
        )
        raise BackupError(message)
    if not manifest.segments:
        return []
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    return [Source(f"{ARCHIVE}/{ARCHIVE_MANIFEST}", BytesIO(content), len(content))]

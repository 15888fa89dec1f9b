"""``parkstream backup`` and ``restore``: all of a mall to a folder while it runs, and back where nothing runs."""

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from msgspec import Struct
from parkstream_projection.backup.manifest import Manifest
from parkstream_projection.backup.restorer import restore as restore_from
from parkstream_projection.backup.taker import Places, take
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from parkstream_cli.connections import client_of, opened, settings_here
from parkstream_cli.errors import ToolError
from parkstream_cli.output import AsJson, as_json, line
from parkstream_cli.progress import progress

Folder = Annotated[Path, Parameter(help="The folder of the backup.")]
RedisDir = Annotated[
    Path | None,
    Parameter(help="Redis' data folder on this machine; by default PARKSTREAM_REDIS_DIR, or as Redis calls it."),
]
Flag = Annotated[bool, Parameter(negative="")]
NEXT_STEPS = """\
Next: start Redis, look with `parkstream doctor`, start the summary API, and then the backends.
What waits in RabbitMQ is recorded then. What was acknowledged after the backup is neither there nor here: if there was
any, backends refuse this older log until you accept it (`parkstream log adopt`, before the summary API starts: see the
runbook); cameras that still have those events may send them again."""


class Answer(Struct, frozen=True, kw_only=True):
    """What was backed up or restored."""

    dir: str
    mall: str
    taken_at: datetime
    log_id: str | None
    position: int
    archived_through: int
    files: int
    bytes: int
    seconds: float


async def backup(
    folder: Folder,
    /,
    *,
    redis_dir: RedisDir = None,
    without_summaries: Annotated[Flag, Parameter(help="Leave the summary file out: it is on another machine.")] = False,
    no_rewrite: Annotated[Flag, Parameter(help="Copy Redis' files as they are, without making them short.")] = False,
    json: AsJson = False,
) -> None:
    """Back up the log, all else in Redis, the archive and the summary file into a new folder, while everything runs.

    All of it is as it was at one instant, for which Redis holds writes back some milliseconds. Run it where Redis'
    files and the summary file are. A folder is a whole backup when it has a backup.json; one that was interrupted is
    begun anew. What waits in RabbitMQ is not in it.
    """
    settings, begun = settings_here(), time.monotonic()
    file = None if without_summaries else Path(settings.summary_file)
    if file is not None and not file.is_file():
        message = f"{file} is no file: set PARKSTREAM_SUMMARY_FILE, or give --without-summaries if it is not here"
        raise ToolError(message)
    try:
        async with opened(settings) as it:
            with progress("backing up") as reached:
                manifest = await take(it, _places(redis_dir, file), folder, reached, rewrite=not no_rewrite)
    except OSError as error:
        raise _impossible(error, folder, "run it again, into another folder or when that is set right") from error
    _show(manifest, folder, "backed up", begun, json=json)


def restore(
    folder: Folder,
    /,
    *,
    redis_dir: RedisDir = None,
    force: Annotated[Flag, Parameter(help="Move aside what is there, and do not mind what runs.")] = False,
    json: AsJson = False,
) -> None:
    """Put a backup back: into the data folder of a Redis that is stopped, the archive and the summary file.

    Checks every file first. Refuses where something else is, or where Redis or the summary API run. Overwrites nothing:
    with --force what is there is moved aside. May be interrupted, and run again.
    """
    settings, begun = settings_here(), time.monotonic()
    if not force and asyncio.run(_answers()):
        message = "a Redis answers at PARKSTREAM_REDIS_URL: stop it first, as it would not read what is restored"
        raise ToolError(message)
    try:
        with progress("restoring") as reached:
            places = _places(redis_dir, Path(settings.summary_file))
            manifest = restore_from(folder, places, reached, force=force)
    except OSError as error:
        raise _impossible(error, folder, "run it again when that is set right: it goes on") from error
    _show(manifest, folder, "restored", begun, json=json)
    if not json:
        for text in NEXT_STEPS.splitlines():
            line(text)


def _places(redis_dir: Path | None, summary_file: Path | None) -> Places:
    settings = settings_here()
    usual = None if settings.redis_dir is None else Path(settings.redis_dir)
    archive = None if settings.archive_dir is None else Path(settings.archive_dir)
    return Places(redis_dir=redis_dir or usual, archive_dir=archive, summary_file=summary_file)


async def _answers() -> bool:
    redis: Any = client_of(settings_here())
    try:
        await redis.ping()
    except (RedisConnectionError, RedisTimeoutError) as error:
        return type(error) not in {RedisConnectionError, RedisTimeoutError}  # Others are answers: busy, no such user.
    except RedisError:
        return True
    finally:
        await redis.aclose()
    return True


def _impossible(error: OSError, folder: Path, advice: str) -> ToolError:
    return ToolError(f"{error.filename or folder}: {error.strerror}: {advice}")


def _show(manifest: Manifest, folder: Path, done: str, begun: float, *, json: bool) -> None:
    seconds = time.monotonic() - begun
    files, size = len(manifest.parts), manifest.bytes
    if json:
        as_json(
            Answer(
                dir=str(folder),
                mall=manifest.mall,
                taken_at=manifest.taken_at,
                log_id=manifest.log_id,
                position=manifest.position,
                archived_through=manifest.archived_through,
                files=files,
                bytes=size,
                seconds=round(seconds, 3),
            )
        )
        return
    line(f"{done} {files} files, {size:,} bytes, in {seconds:.1f} s: {folder}")
    taken = f"{manifest.taken_at:%Y-%m-%d %H:%M:%S}Z"
    line(f"the log of {manifest.mall} up to position {manifest.position:,}, as it was at {taken}")

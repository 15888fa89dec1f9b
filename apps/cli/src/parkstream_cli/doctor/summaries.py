"""Has the summary file every summary that was delivered."""

from pathlib import Path
from typing import Final

from parkstream_devtools.pipeline.snapshots import Stats
from parkstream_devtools.probes import ServiceClient, UnreachableError
from parkstream_events.keys import BackendKeys
from parkstream_projection import Outbox
from parkstream_service.redis import connect
from redis.exceptions import RedisError

from parkstream_cli.doctor.findings import Finding, ok, wrong
from parkstream_cli.settings import Settings

ABOUT: Final = "summary file"
MEND: Final = "restore the file if you have a copy, then parkstream outbox emit-missing emits the rest again"


async def examine(settings: Settings, client: ServiceClient) -> list[Finding]:
    """Compare the lines of the summary file with what was delivered; say nothing when either cannot be counted."""
    try:
        redis = connect(settings.redis_url)
    except ValueError:
        return []  # Said of Redis.
    try:
        account = await Outbox(redis, BackendKeys(settings.mall)).account()
    except (RedisError, OSError):
        return []  # Said of Redis.
    finally:
        await redis.aclose()
    lines = await _lines(settings, client)  # After the account: what it calls delivered is on disk by now.
    if lines is None:
        return []
    return [compared(lines, account.kept)]


def compared(lines: int, delivered: int) -> Finding:
    """Return what *lines* in the file say, when *delivered* summaries were delivered."""
    if lines < delivered:
        found = f"{lines:,} lines, but {delivered:,} summaries were delivered: {delivered - lines:,} are missing"
        return wrong(ABOUT, found, MEND)
    return ok(ABOUT, f"{lines:,} lines, {delivered:,} summaries were delivered")


async def _lines(settings: Settings, client: ServiceClient) -> int | None:
    """Return how many summaries the file has: as the API knows, else as it can be read here."""
    try:
        return (await client.get(f"{settings.summary_url}/v1/stats", Stats)).lines
    except UnreachableError:
        return lines_in(Path(settings.summary_file))


def lines_in(file: Path) -> int | None:
    """Return how many whole lines *file* has, None when it is not on this machine."""
    if not file.is_file():
        return None
    with file.open("rb") as lines:
        return sum(line.endswith(b"\n") for line in lines)

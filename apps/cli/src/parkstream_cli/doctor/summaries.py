"""Has the summary file every summary that was delivered."""

from functools import partial
from pathlib import Path

from parkstream_devtools.pipeline.snapshots import Stats
from parkstream_events.keys import BackendKeys
from parkstream_operations.findings import Finding
from parkstream_operations.log_findings import summaries_written
from parkstream_projection import Outbox
from parkstream_service.client import ServiceClient
from parkstream_service.redis import Client
from parkstream_service.unreachable import UnreachableError

from parkstream_cli.doctor.redis_look import if_there
from parkstream_cli.settings import Settings


async def examine(settings: Settings, client: ServiceClient) -> list[Finding]:
    """Compare the lines of the summary file with what was delivered; say nothing when either cannot be counted."""
    return await if_there(settings.redis_url, partial(_look, settings, client))


async def _look(settings: Settings, client: ServiceClient, redis: Client) -> list[Finding]:
    account = await Outbox(redis, BackendKeys(settings.mall)).account()
    lines = await _lines(settings, client)  # After the account: what it calls delivered is on disk by now.
    return [] if lines is None else [summaries_written(lines, account.kept)]


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

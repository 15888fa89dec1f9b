"""Do the services answer, and what do they complain about."""

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Raw
from parkstream_devtools.pipeline.snapshots import Stats
from parkstream_operations.findings import Finding, note, ok
from parkstream_operations.service_findings import no_camera, of_problem, unreachable
from parkstream_service.client import ServiceClient
from parkstream_service.unreachable import UnreachableError

from parkstream_cli.settings import Settings

UNSEEN: Final = "fine while nobody looks at its pages"


async def examine(settings: Settings, client: ServiceClient) -> tuple[list[Finding], int | None]:
    """Look at every service; also return the greatest position that the summary API knows, if it says."""
    (summaries, position), backend, *others = await asyncio.gather(
        _summaries(settings.summary_url, client),
        _backend(settings.backend_url, client),
        _dispensable("console", settings.console_url, client, lambda name, error: note(name, str(error), UNSEEN)),
        _dispensable("entry-generator", settings.entry_generator_url, client, no_camera),
        _dispensable("exit-generator", settings.exit_generator_url, client, no_camera),
    )
    return [*summaries, *backend, *others], position


async def _summaries(url: str, client: ServiceClient) -> tuple[list[Finding], int | None]:
    try:
        await client.get(f"{url}/health/ready", Raw)
        stats = await client.get(f"{url}/v1/stats", Stats)
    except UnreachableError as error:
        return [unreachable("summary-api", "PARKSTREAM_SUMMARY_URL", error)], None
    return [ok("summary-api", f"{stats.lines:,} lines")], stats.position


async def _backend(url: str, client: ServiceClient) -> list[Finding]:
    try:
        problems = await client.problems(url)
    except UnreachableError as error:
        return [unreachable("backend", "PARKSTREAM_BACKEND_URL", error)]
    return [of_problem("backend", name, detail) for name, detail in problems.items()] or [ok("backend", "ready")]


async def _dispensable(
    name: str, url: str, client: ServiceClient, away: Callable[[str, UnreachableError], Finding]
) -> Finding:
    try:
        await client.get(f"{url}/health/ready", Raw)
    except UnreachableError as error:
        return away(name, error)
    return ok(name, "ready")

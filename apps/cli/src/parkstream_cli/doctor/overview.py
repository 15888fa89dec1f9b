"""How far is the log projected, what waits, and what has nobody put right."""

from functools import partial
from typing import Final

from parkstream_eventlog import RedisReader
from parkstream_events.keys import BackendKeys
from parkstream_operations.findings import Finding, note, ok, wrong
from parkstream_projection import OtherRulesError, Outbox, Reads
from parkstream_projection.overview import Overview, overview
from parkstream_service.redis import Client

from parkstream_cli.doctor.redis_look import if_there
from parkstream_cli.settings import Settings

LAG_MANY: Final = 10_000


async def examine(settings: Settings) -> list[Finding]:
    """Look at what is projected of the log of *settings*, and at what waits."""
    return await if_there(settings.redis_url, partial(_look, BackendKeys(settings.mall)))


async def _look(keys: BackendKeys, redis: Client) -> list[Finding]:
    try:
        return findings(await overview(RedisReader(redis, keys), Reads(redis, keys), Outbox(redis, keys)))
    except OtherRulesError as error:
        return [wrong("projection", str(error), "see the runbook: upgrade")]


def findings(now: Overview) -> list[Finding]:
    """Return what there is to find in *now*."""
    figures = f"{now.lag:,} behind, {now.pending:,} pending, {now.outbox_depth:,} to deliver"
    text = f"position {now.position:,}, {figures}"
    found = [note("projection", text, "it is catching up") if now.lag > LAG_MANY else ok("projection", text)]
    if now.parked:
        advice = "parkstream outbox parked lists them; see the runbook: parked summaries"
        found.append(wrong("outbox", f"{now.parked} summaries are parked", advice))
    if now.unreadable:
        advice = "parkstream log unreadable lists them; see the runbook: unreadable records"
        found.append(wrong("records", f"{now.unreadable} records of the log cannot be read", advice))
    return found

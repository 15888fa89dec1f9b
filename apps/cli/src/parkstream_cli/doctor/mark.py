"""Is the log in Redis the one that the mark in RabbitMQ names, and at least as long."""

from functools import partial
from typing import Final

from parkstream_eventlog.extent import extent_of
from parkstream_eventlog.functions import LOG
from parkstream_events.keys import BackendKeys
from parkstream_messaging.mark_stream import MarkUnreachableError, last_mark
from parkstream_operations.findings import Finding, wrong
from parkstream_operations.log_findings import MARK, against_mark
from parkstream_service.redis import Client, Functions

from parkstream_cli.doctor.redis_look import if_there
from parkstream_cli.settings import Settings

UNREADABLE: Final = "start RabbitMQ, or end its alarm; no backend starts without the mark (runbook: Redis was lost)"


async def examine(settings: Settings) -> list[Finding]:
    """Compare the log of *settings* with the mark."""
    return await if_there(settings.redis_url, partial(_look, settings))


async def _look(settings: Settings, redis: Client) -> list[Finding]:
    try:
        mark = await last_mark(settings.rabbitmq_url)
    except MarkUnreachableError as error:
        return [wrong(MARK, str(error), UNREADABLE)]
    found = await extent_of(Functions(redis, LOG).execute, BackendKeys(settings.mall))
    return [against_mark(mark, found, settings.mall)]

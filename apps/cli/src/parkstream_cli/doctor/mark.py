"""Is the log in Redis the one that the mark in RabbitMQ names, and at least as long."""

from typing import Final

from parkstream_eventlog import LogShorterError, OtherLogError
from parkstream_eventlog.extent import Extent, check_extent, extent_of
from parkstream_eventlog.functions import LOG
from parkstream_events.keys import BackendKeys
from parkstream_events.marks import Mark
from parkstream_messaging.mark_stream import MarkUnreachableError, last_mark
from parkstream_service.redis import Functions, connect
from redis.exceptions import RedisError

from parkstream_cli.doctor.findings import Finding, ok, wrong
from parkstream_cli.settings import Settings

ABOUT: Final = "log against the mark"
RESTORE: Final = "restore Redis' append-only file; backends write nothing until then, and events wait in RabbitMQ"
OTHER_MALL: Final = "set PARKSTREAM_MALL or PARKSTREAM_RABBITMQ_URL, or give each mall a virtual host of its own"
UNREADABLE: Final = "start RabbitMQ, or end its alarm; no backend starts without the mark (runbook: Redis was lost)"


async def examine(settings: Settings) -> list[Finding]:
    """Compare the log of *settings* with the mark; say nothing when Redis does not answer."""
    try:
        redis = connect(settings.redis_url)
    except ValueError:
        return []  # Said of Redis.
    try:
        mark = await last_mark(settings.rabbitmq_url)
        found = await extent_of(Functions(redis, LOG).execute, BackendKeys(settings.mall))
        return [compared(mark, found, settings.mall)]
    except MarkUnreachableError as error:
        return [wrong(ABOUT, str(error), UNREADABLE)]
    except (RedisError, OSError):
        return []  # Said of Redis.
    finally:
        await redis.aclose()


def compared(mark: Mark | None, found: Extent, mall: str) -> Finding:
    """Return what *mark* says of the log that was *found*."""
    if mark is None:
        return ok(ABOUT, "there is no mark yet: the first backend that starts writes it")
    if mark.mall != mall:
        return wrong(ABOUT, f"this RabbitMQ keeps the mark of the mall {mark.mall!r}, not of {mall!r}", OTHER_MALL)
    try:
        check_extent(found, Extent(mark.log_id, mark.position))
    except (OtherLogError, LogShorterError) as error:
        return wrong(ABOUT, str(error), RESTORE)
    return ok(ABOUT, f"log {mark.log_id}, durable up to {mark.position}")

"""What comes before a write to a log: the mark is asked, so that a tool writes to no other one and no shorter."""

from typing import Final

from parkstream_eventlog import RedisLog, Writer
from parkstream_eventlog.archive import spanning
from parkstream_eventlog.extent import Extent, check_extent, extent_of
from parkstream_eventlog.functions import LOG
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.marks import Mark
from parkstream_messaging.mark_stream import last_mark
from parkstream_projection import Outbox, Reads
from parkstream_projection.opened import Opened
from parkstream_service.redis import Client, Functions

from parkstream_operations.log_findings import MOVED_AWAY, TO_THERE

NO_MARK: Final = (
    "this RabbitMQ has no mark of the log, which the first backend writes: start one, or set PARKSTREAM_RABBITMQ_URL"
)
NOT_HERE: Final = f"{MOVED_AWAY}: {TO_THERE}"


class MisdirectedError(Exception):
    """The mark is of another mall or of one that was moved away, or not there though a log is; says what to do."""


def opened_on(redis: Client, mall: str, archive_dir: str | None, writer: Writer | None = None) -> Opened:
    """Return what there is of *mall* in *redis*, with its archive; only ``opened_to_write`` knows a *writer* for it."""
    keys = BackendKeys(mall)
    log = spanning(RedisLog(redis, keys, LOG_SCHEMA, writer=writer), archive_dir, mall)
    return Opened(redis, keys, log, Outbox(redis, keys, writer=writer), Reads(redis, keys), writer)


async def opened_to_write(redis: Client, mall: str, archive_dir: str | None, rabbitmq_url: str) -> Opened:
    """Return the same for who writes: to the log that the mark names, and to no shorter one.

    Raises ``MisdirectedError``, ``OtherLogError``, ``LogShorterError``; ``MarkUnreachableError`` when nobody knows it.
    """
    mark = await mark_of(rabbitmq_url, mall)
    it = opened_on(redis, mall, archive_dir, writer_of(mark))
    await check_mark(it, mark)
    return it


async def mark_of(rabbitmq_url: str, mall: str) -> Mark | None:
    """Return the mark of *mall*, None before there is one; raise ``MisdirectedError`` when this is not its RabbitMQ."""
    mark = await last_mark(rabbitmq_url)
    if mark is not None and mark.mall != mall:
        message = (
            f"this RabbitMQ keeps the mark of the mall {mark.mall!r}, not of {mall!r}: "
            "set PARKSTREAM_MALL or PARKSTREAM_RABBITMQ_URL"
        )
        raise MisdirectedError(message)
    if mark is not None and mark.closed:
        raise MisdirectedError(NOT_HERE)
    return mark


def writer_of(mark: Mark | None) -> Writer | None:
    """Return who writes to the log that *mark* names; None without one."""
    return None if mark is None else Writer(mark.log_id, mark.position)


async def check_mark(it: Opened, mark: Mark | None) -> None:
    """Raise unless the log is the one that *mark* names, and as long; without a mark it must be empty."""
    found = await found_in(it)
    if mark is not None:
        check_extent(found, Extent(mark.log_id, mark.position))
    elif found.position:
        raise MisdirectedError(NO_MARK)


async def found_in(it: Opened) -> Extent:
    """Return which log there is, and how long it is."""
    return await extent_of(Functions(it.redis, LOG).execute, it.keys)

"""What a command does before it writes to a log: it asks the mark, so that it writes to no other one and no shorter."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from parkstream_eventlog import Writer
from parkstream_eventlog.extent import Extent, check_extent, extent_of
from parkstream_eventlog.functions import LOG
from parkstream_events.marks import Mark
from parkstream_messaging.mark_stream import MarkUnreachableError, last_mark
from parkstream_projection.opened import Opened
from parkstream_service.redis import Functions

from parkstream_cli.connections import client_of, opened, unreachable
from parkstream_cli.errors import ToolError
from parkstream_cli.settings import Settings

COPY: Final = "for a copy of a log, of which no RabbitMQ has a mark, set PARKSTREAM_COPY=true"
WHERE: Final = f"PARKSTREAM_RABBITMQ_URL; {COPY}"
OTHER_MALL: Final = f"set PARKSTREAM_MALL or PARKSTREAM_RABBITMQ_URL; {COPY}"
NO_MARK: Final = (
    "this RabbitMQ has no mark of the log, which the first backend writes: start one, or set "
    f"PARKSTREAM_RABBITMQ_URL; {COPY}"
)


@asynccontextmanager
async def opened_to_write(settings: Settings, *, only_looks: bool = False) -> AsyncGenerator[Opened, None]:
    """Open what *settings* name for who writes, unless it *only_looks*; what is written is meant for the mark's log.

    Raises ``ToolError``, ``OtherLogError`` or ``LogShorterError`` before anything is written, the others also later.
    """
    asked = not (only_looks or settings.copy)
    mark = await mark_of(settings) if asked else None
    async with opened(settings, None if mark is None else Writer(mark.log_id, mark.position)) as it:
        if mark is not None:
            check_extent(await _found(it), Extent(mark.log_id, mark.position))
        elif asked and (await _found(it)).position:
            raise ToolError(NO_MARK)
        yield it


@asynccontextmanager
async def opened_to_import(settings: Settings) -> AsyncGenerator[tuple[Opened, str], None]:
    """Open what *settings* name, with the id that a log there must get: that of the mark; "" for any.

    An import makes a log longer, so it may be shorter than the mark knows it; whoever writes next compares that.
    """
    mark = None if settings.copy else await mark_of(settings)
    async with opened(settings) as it:
        found = await _found(it)
        if mark is not None and found.log_id:
            check_extent(found, Extent(mark.log_id, 0))
        yield it, "" if mark is None or found.log_id else mark.log_id


async def mark_of(settings: Settings) -> Mark | None:
    """Return the mark of the mall, None before there is one; raise ``ToolError`` when it is that of another mall.

    Raises ``UnreachableError`` when nobody knows it.
    """
    client_of(settings)  # Raises for an address that asks for what no client can.
    try:
        mark = await last_mark(settings.rabbitmq_url)
    except MarkUnreachableError as error:
        raise unreachable(settings.rabbitmq_url, str(error), WHERE) from error
    if mark is not None and mark.mall != settings.mall:
        message = f"this RabbitMQ keeps the mark of the mall {mark.mall!r}, not of {settings.mall!r}: {OTHER_MALL}"
        raise ToolError(message)
    return mark


async def _found(it: Opened) -> Extent:
    return await extent_of(Functions(it.redis, LOG).execute, it.keys)

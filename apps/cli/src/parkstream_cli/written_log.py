"""What a command opens that writes to a log; who works on a copy says so, since no RabbitMQ has a mark of that."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from parkstream_eventlog.extent import Extent, check_extent
from parkstream_events.marks import Mark
from parkstream_messaging.mark_stream import MarkUnreachableError
from parkstream_operations import written_log
from parkstream_operations.written_log import MisdirectedError, check_mark, found_in, writer_of
from parkstream_projection.opened import Opened

from parkstream_cli.connections import client_of, opened, unreachable
from parkstream_cli.errors import ToolError
from parkstream_cli.settings import Settings

COPY: Final = "for a copy of a log, of which no RabbitMQ has a mark, set PARKSTREAM_COPY=true"
WHERE: Final = f"PARKSTREAM_RABBITMQ_URL; {COPY}"


@asynccontextmanager
async def opened_to_write(settings: Settings, *, only_looks: bool = False) -> AsyncGenerator[Opened, None]:
    """Open what *settings* name for who writes, unless it *only_looks*; what is written is meant for the mark's log.

    Raises ``ToolError``, ``OtherLogError`` or ``LogShorterError`` before anything is written, the others also later.
    """
    asked = not (only_looks or settings.copy)
    mark = await mark_of(settings) if asked else None
    async with opened(settings, writer_of(mark)) as it:
        if asked:
            try:
                await check_mark(it, mark)
            except MisdirectedError as error:
                raise misdirected(error) from error
        yield it


@asynccontextmanager
async def opened_to_import(settings: Settings) -> AsyncGenerator[tuple[Opened, str], None]:
    """Open what *settings* name, with the id that a log there must get: that of the mark; "" for any.

    An import makes a log longer, so it may be shorter than the mark knows it; whoever writes next compares that.
    """
    mark = None if settings.copy else await mark_of(settings)
    async with opened(settings) as it:
        found = await found_in(it)
        if mark is not None and found.log_id:
            check_extent(found, Extent(mark.log_id, 0))
        yield it, "" if mark is None or found.log_id else mark.log_id


async def mark_of(settings: Settings) -> Mark | None:
    """Return the mark of the mall, None before there is one; raise ``ToolError`` when it is that of another mall.

    Raises ``UnreachableError`` when nobody knows it.
    """
    client_of(settings)  # Raises for an address that asks for what no client can.
    try:
        return await written_log.mark_of(settings.rabbitmq_url, settings.mall)
    except MarkUnreachableError as error:
        raise unreachable(settings.rabbitmq_url, str(error), WHERE) from error
    except MisdirectedError as error:
        raise misdirected(error) from error


def misdirected(error: MisdirectedError) -> ToolError:
    """Return *error* with what else a person may mean."""
    return ToolError(f"{error}; {COPY}")

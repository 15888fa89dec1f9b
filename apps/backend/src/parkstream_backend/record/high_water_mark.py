"""A log that ends before what was made of it has lost records: nothing may be added to it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from parkstream_eventlog import EventLog, LogShorterError

ASK_SECONDS: Final = 2.0


async def check_high_water_mark(log: EventLog, summarised_through: Callable[[], Awaitable[int | None]]) -> None:
    """Raise ``LogShorterError`` when *log* ends before the summaries do; whoever cannot be asked says nothing."""
    try:
        summarised = await asyncio.wait_for(summarised_through(), ASK_SECONDS)
    except TimeoutError:
        return
    position = (await log.state()).position
    if summarised is not None and summarised > position:
        raise LogShorterError(summarised, position)

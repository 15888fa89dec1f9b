"""Which log there is, and how far it reaches: what is compared with the mark."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from parkstream_eventlog.errors import LogShorterError, OtherLogError
from parkstream_eventlog.keys import LogKeys


class Extent(NamedTuple):
    """The log *log_id* is durable up to *position*; an id of "" is no log."""

    log_id: str
    position: int


async def extent_of(execute: Callable[..., Awaitable[Any]], keys: LogKeys) -> Extent:
    """Return the extent of the log that is there."""
    log_id, position = await execute("HMGET", keys.log_meta, "log_id", "position")
    return Extent((log_id or b"").decode(), int(position or 0))


def check_extent(found: Extent, known: Extent) -> None:
    """Raise ``OtherLogError`` or ``LogShorterError`` unless *found* is the log that is *known*, at least as long."""
    if found.log_id != known.log_id:
        raise OtherLogError(known.log_id, found.log_id)
    if found.position < known.position:
        raise LogShorterError(known.position, found.position)

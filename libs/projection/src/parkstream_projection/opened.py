"""All that a tool asks of one mall: its log, its outbox, its projections."""

from collections.abc import Callable
from typing import NamedTuple

from parkstream_eventlog import EventLog, Writer
from parkstream_events.keys import BackendKeys
from redis.asyncio import Redis

from parkstream_projection.outbox import Outbox
from parkstream_projection.reads import Reads

Reached = Callable[[int, int], None]
"""Is called with how much is done, and of how much."""
Note = Callable[[str], None]
"""Is called with what a person should know about how an answer is found."""


class Opened(NamedTuple):
    """The backend's Redis DB, and what is in it."""

    redis: Redis
    keys: BackendKeys
    log: EventLog
    outbox: Outbox
    reads: Reads
    writer: Writer | None = None
    """Which log is meant by whoever writes; None: the one that is there."""


class NotFoundError(LookupError):
    """What was asked for is not in the log; the text says what to do."""

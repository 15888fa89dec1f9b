"""One append-only log of what happened, of any domain.

Reading order: keys and schema (what is handed in), writer (who writes), log (the promise), memory_log, lua/record.lua
and lua/append.lua, redis_log. ``group_commit`` lets concurrent callers share one append; ``durability`` says what a
Redis must be like; ``positions`` finds a time or an id.
"""

from parkstream_eventlog.durability import check_durability, memory_share
from parkstream_eventlog.errors import (
    ClocksApartError,
    ClockSteppedError,
    EventLogError,
    GapError,
    LogShorterError,
    NoLogError,
    NotTakenError,
    OtherLogError,
    WeakDurabilityError,
)
from parkstream_eventlog.group_commit import GroupCommit
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.log import (
    NEVER,
    Appended,
    Candidate,
    DecideOutcome,
    Duplicate,
    EventLog,
    IdConflict,
    InFuture,
    Latest,
    LogReader,
    LogState,
    Outcome,
    Overtaken,
    Record,
    TooOld,
)
from parkstream_eventlog.memory_log import MemoryLog
from parkstream_eventlog.positions import decided_at, position_at, positions_of
from parkstream_eventlog.redis_log import RedisLog
from parkstream_eventlog.redis_reader import RedisReader
from parkstream_eventlog.schema import Origin, Schema
from parkstream_eventlog.writer import Caller, Writer

__all__ = [
    "NEVER",
    "Appended",
    "Caller",
    "Candidate",
    "ClockSteppedError",
    "ClocksApartError",
    "DecideOutcome",
    "Duplicate",
    "EventLog",
    "EventLogError",
    "GapError",
    "GroupCommit",
    "IdConflict",
    "InFuture",
    "Latest",
    "LogKeys",
    "LogReader",
    "LogShorterError",
    "LogState",
    "MemoryLog",
    "NoLogError",
    "NotTakenError",
    "Origin",
    "OtherLogError",
    "Outcome",
    "Overtaken",
    "Record",
    "RedisLog",
    "RedisReader",
    "Schema",
    "TooOld",
    "WeakDurabilityError",
    "Writer",
    "check_durability",
    "decided_at",
    "memory_share",
    "position_at",
    "positions_of",
]

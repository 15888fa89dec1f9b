"""The memory: one append-only log of what happened. Reading order: log (the promise), memory, functions.lua, redis.

``group_commit`` lets concurrent callers share one append; ``durability`` says what a Redis must
be like; ``positions`` finds a time or an id.
"""

from parkstream_eventlog.durability import WeakDurabilityError, check_durability, memory_share
from parkstream_eventlog.group_commit import GroupCommit
from parkstream_eventlog.log import (
    Appended,
    Candidate,
    DecideOutcome,
    Duplicate,
    EventLog,
    EventLogError,
    GapError,
    IdConflict,
    LogShorterError,
    LogState,
    NotASightingError,
    Outcome,
    Overtaken,
    Record,
    TooOld,
)
from parkstream_eventlog.memory_log import MemoryLog
from parkstream_eventlog.positions import position_at, positions_of
from parkstream_eventlog.redis_log import RedisLog

__all__ = [
    "Appended",
    "Candidate",
    "DecideOutcome",
    "Duplicate",
    "EventLog",
    "EventLogError",
    "GapError",
    "GroupCommit",
    "IdConflict",
    "LogShorterError",
    "LogState",
    "MemoryLog",
    "NotASightingError",
    "Outcome",
    "Overtaken",
    "Record",
    "RedisLog",
    "TooOld",
    "WeakDurabilityError",
    "check_durability",
    "memory_share",
    "position_at",
    "positions_of",
]

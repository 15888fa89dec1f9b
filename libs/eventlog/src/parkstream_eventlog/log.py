"""The promise: append many idempotently, read without skipping, follow live, wait for a position.

Positions are dense: 1, 2, 3 … Times are microseconds since 1970, UTC; a day is counted since 1970 too.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

DEDUPE_DAYS = 35
"""For how long an id is remembered, by day of the event; an older event is refused as too old."""
CLOCK_AHEAD_MAX_US = 300 * 1_000_000
"""How far after its recording an event may be dated; later is refused."""
APPEND_MAX = 500
"""Candidates in one atomic append; more are split."""
DIGEST_BYTES = 8


class Candidate(NamedTuple):
    """An event that wants to become a record; the body is kept as received.

    Its type (by the schema's letter), id and event time say which event it is. The log keeps the latest position of
    each *category*.
    """

    type: str
    id: str
    body: bytes
    event_time_us: int
    category: str
    published_at_us: int | None = None
    traceparent: str | None = None


class Record(NamedTuple):
    """What the log holds at a position."""

    position: int
    type: str
    id: str
    body: bytes
    recorded_at_us: int
    published_at_us: int | None
    traceparent: str | None


class Appended(Struct, frozen=True, gc=False):
    """It is durable, at ``position``."""

    position: int
    recorded_at_us: int


class Duplicate(Struct, frozen=True, gc=False):
    """The same type, id, event time and body is at ``position`` already; nothing changed."""

    position: int


class IdConflict(Struct, frozen=True, gc=False):
    """The same type, id and event time, but another body, is at ``position``; nothing changed."""

    position: int


class TooOld(Struct, frozen=True, gc=False):
    """It happened before ``oldest_day``, the first whose ids are still known; nothing changed."""

    oldest_day: int


class InFuture(Struct, frozen=True, gc=False):
    """It is dated after ``latest_us``, the latest that is believed; nothing changed."""

    latest_us: int


class Overtaken(Struct, frozen=True, gc=False):
    """An event came after the position that a decision rests on; nothing changed."""


Outcome = Appended | Duplicate | IdConflict | TooOld | InFuture
DecideOutcome = Appended | Duplicate | Overtaken


class Latest(NamedTuple):
    """The last record of a category."""

    position: int
    recorded_at_us: int


NEVER: Final = Latest(0, 0)


class LogState(NamedTuple):
    """Where the log stands, read in one step; 0 stands for never.

    ``length = position - archived_through``. ``latest`` names the categories that have a record; ``now_us`` is the
    clock that records are timed by. ``earlier_ids`` are those that the log had before it was adopted, each with the
    position up to which the log of that id is this one.
    """

    log_id: str

    position: int
    recorded_at_us: int
    now_us: int
    archived_through: int
    length: int
    latest: Mapping[str, Latest]
    earlier_ids: Mapping[str, int]
    ids_from_day: int = 0
    """Of events before this day (since 1970) ids were forgotten, by who keeps them for fewest days."""

    def latest_of(self, category: str) -> Latest:
        """Return the last record of *category*, or ``NEVER``."""
        return self.latest.get(category, NEVER)


class LogReader(Protocol):
    """A log as those have it who only read."""

    async def read(self, after: int, count: int) -> list[Record]:
        """Return up to *count* records from position *after* + 1; none at the end of the log.

        Raises ``GapError`` rather than skip one, ``LogShorterError`` when the log ends before *after*.
        """
        ...

    def follow(self, after: int, count: int) -> AsyncIterator[list[Record]]:
        """Yield what comes after position *after*, up to *count* at once, for ever; errors as for ``read``."""
        ...

    async def wait_for(self, position: int) -> None:
        """Return when *position* has been appended."""
        ...

    async def state(self) -> LogState:
        """Return where the log stands."""
        ...


class EventLog(LogReader, Protocol):
    """An append-only log that any number of processes write and read.

    Whoever writes means one log, which has an id: ``append`` and ``decide`` raise ``OtherLogError`` when another is
    there, ``LogShorterError`` when it ends before what the writer knows to be durable, ``NoLogError`` without one.
    Errors of the store itself pass through: ``is_transient`` knows those after which the same call may be made again.
    """

    async def create(self) -> str:
        """Return the id of the log; an empty one that has none gets one."""
        ...

    async def append(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """Append what is new, in order, and return one outcome per candidate; up to ``APPEND_MAX`` are one step.

        To append the same again changes nothing, so a call whose answer was lost may be repeated.
        """
        ...

    async def decide(
        self, type_: str, id_: str, body: bytes, *, unless_after: tuple[Collection[str], int] | None
    ) -> DecideOutcome:
        """Append a decision once per id, unless a record of one of the categories was appended after the position."""
        ...


def digest_of(body: bytes) -> bytes:
    """Return what tells two bodies of one id apart."""
    return blake2b(body, digest_size=DIGEST_BYTES).digest()

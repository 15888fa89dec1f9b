"""The promise: append many idempotently, read without skipping, follow live, wait for a position.

Positions are dense: 1, 2, 3 … Times are microseconds since 1970, UTC; a day is counted since 1970 too.
"""

from collections.abc import AsyncIterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

DEDUPE_DAYS = 35
"""For how long an id is remembered, by day of happening; an older sighting is refused as too old."""
APPEND_MAX = 500
"""Candidates in one atomic append; more are split."""
DIGEST_BYTES = 8

Letter = Literal["E", "X", "D"]


class Candidate(NamedTuple):
    """A sighting that wants to become a record; the body is kept as received."""

    type: str
    id: str
    body: bytes
    happened_at_us: int
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
    """The same type, id and body is at ``position`` already; nothing changed."""

    position: int


class IdConflict(Struct, frozen=True, gc=False):
    """The same type and id, but another body, is at ``position``; nothing changed."""

    position: int


class TooOld(Struct, frozen=True, gc=False):
    """It happened before ``oldest_day``, the first whose ids are still known; nothing changed."""

    oldest_day: int


class Overtaken(Struct, frozen=True, gc=False):
    """A sighting came after the position that a decision rests on; nothing changed."""


Outcome = Appended | Duplicate | IdConflict | TooOld
DecideOutcome = Appended | Duplicate | Overtaken


class LogState(NamedTuple):
    """Where the log stands, read in one step; 0 stands for never.

    ``length = position - archived_through``. ``entered_*`` and ``exited_*`` are position and recorded time of the last
    sighting of that direction; ``now_us`` is the clock that records are timed by.
    """

    position: int
    recorded_at_us: int
    now_us: int
    archived_through: int
    entered_position: int
    exited_position: int
    entered_at_us: int
    exited_at_us: int
    length: int


class EventLogError(Exception):
    """The log cannot keep its promise."""


class GapError(EventLogError):
    """The record at *expected* is not in the log: it is archived, or it was lost."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"position {expected} is not in the log, the next is {found}: read it from the archive")
        self.expected = expected
        self.found = found


class LogShorterError(EventLogError):
    """The log ends at *position*, before *after*, up to which it was already read."""

    def __init__(self, after: int, position: int) -> None:
        super().__init__(
            f"the log ends at {position}, but it was read up to {after}: Redis lost data or is another one; "
            "restore its append-only file before you go on"
        )
        self.after = after
        self.position = position


class NotASightingError(EventLogError, ValueError):
    """Only sightings are appended; a decision goes through ``decide``."""

    def __init__(self, type_: str) -> None:
        super().__init__(f"{type_[:80]!r} is no sighting: append takes vehicle.entered.* and vehicle.exited.*")
        self.type = type_


class EventLog(Protocol):
    """An append-only log that any number of processes write and read.

    Errors of the store itself pass through: ``is_transient`` of ``parkstream_service.redis`` tells those after which
    the same call may be made again.
    """

    async def append(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """Append what is new, in order, and return one outcome per candidate; up to ``APPEND_MAX`` are one step.

        To append the same again changes nothing, so a call whose answer was lost may be repeated.
        """
        ...

    async def decide(self, type_: str, id_: str, body: bytes, *, unless_after: tuple[str, int] | None) -> DecideOutcome:
        """Append a decision once per id, unless a record of the sighting type was appended after the position."""
        ...

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


def letter_of(type_: str) -> Letter:
    """Return the letter under which ids of *type_* are kept: of any version, E(ntered), eX(ited) or D(ecision)."""
    if type_.startswith("vehicle.entered."):
        return "E"
    return "X" if type_.startswith("vehicle.exited.") else "D"


@lru_cache(maxsize=64)
def sighting_letter(type_: str) -> Literal["E", "X"]:
    """Return the letter of a sighting's type; raise ``NotASightingError`` for another."""
    letter = letter_of(type_)
    if letter == "D":
        raise NotASightingError(type_)
    return letter


def digest_of(body: bytes) -> bytes:
    """Return what tells two bodies of one id apart."""
    return blake2b(body, digest_size=DIGEST_BYTES).digest()

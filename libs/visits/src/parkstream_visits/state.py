"""What is remembered: per plate its sightings and what was emitted, and one clock for all.

Everything here is encoded as msgpack arrays; the encoding is canonical (fields in order, dicts in the order of the
log), so that equal states have equal hashes.
"""

from hashlib import blake2b
from typing import NamedTuple

import msgspec
from msgspec import Struct, field
from parkstream_events.summaries import Outcome

from parkstream_visits.gates import Gates
from parkstream_visits.plate_visits import Identity, PlateSighting
from parkstream_visits.rules import Rules
from parkstream_visits.timers import DailyQueue, TimerQueue


class LastEmitted(NamedTuple):
    """The last revision that was emitted of a visit."""

    revision: int
    outcome: Outcome
    entry: Identity | None
    exit: Identity | None
    position: int
    """Of the record that was folded when it was emitted."""

    @property
    def body(self) -> tuple[Outcome, Identity | None, Identity | None]:
        """What the summary consists of."""
        return self.outcome, self.entry, self.exit


class Plate(Struct, array_like=True):
    """All that is remembered about one plate, until its visits are final."""

    sightings: list[PlateSighting] = field(default_factory=list[PlateSighting])
    """Sorted; duplicate reads included."""
    emitted: dict[str, LastEmitted] = field(default_factory=dict[str, LastEmitted])
    """Visit id to what was emitted last."""
    pending: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Visit id to (timer, due) of what is not emitted yet."""
    inside: bool = False
    duplicate_entries: int = 0
    duplicate_exits: int = 0
    keep_until_us: int = 0
    """By recorded time; a whole day, so that it rarely changes."""


class UnreadableRecord(NamedTuple):
    """A record that nothing could be made of."""

    position: int
    type: str
    reason: str
    detail: str


class Counters(Struct, array_like=True):
    """What the log amounts to. The four outcomes count *current* summaries."""

    entered: int = 0
    """Distinct entry sightings taken in (duplicate reads included, too late ones not)."""
    exited: int = 0
    duplicate_entries: int = 0
    duplicate_exits: int = 0
    too_late_entries: int = 0
    too_late_exits: int = 0
    too_many_entries: int = 0
    """Recorded of a plate that had as many sightings as are kept."""
    too_many_exits: int = 0
    inside: int = 0
    completed: int = 0
    entry_missed: int = 0
    exit_missed: int = 0
    retracted: int = 0
    emitted: int = 0
    """(visit, revision) pairs."""
    pending: int = 0
    """Visits that wait for the watermark; that of a car inside does not, since it may still leave."""
    decisions: int = 0
    void: int = 0
    """Of those: what changed nothing, because a gate had reported meanwhile."""
    unreadable: int = 0
    acknowledged: int = 0
    """Of those: whoever acknowledges a record that could be read after all acknowledges nothing."""

    @property
    def outstanding(self) -> int:
        """How many records cannot be read, and nobody has accepted that yet."""
        return self.unreadable - self.acknowledged


SIGHTINGS_MAX = 1_000
"""Of one plate, not final: one more is counted, and changes nothing."""
UNREADABLE_LISTED_MAX = 100
"""Few, and each short: all are written when one comes or goes."""
UNREADABLE_TEXT_MAX = 200
DIGEST_BYTES = 16


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[UnreadableRecord, ...]).decode


class Clock(Struct, array_like=True, dict=True):
    """What there is once: how far each gate has reported, the rules so far, the counters.

    It is written with every commit. So the unreadable records, which change seldom, are kept *aside*; what is encoded
    of them is a digest.
    """

    recorded_at_us: int = 0
    gates: Gates = field(default_factory=Gates)
    rules: list[Rules] = field(default_factory=lambda: [Rules()])
    """The last is in force."""
    counters: Counters = field(default_factory=Counters)
    unreadable_digest: bytes = b""

    @property
    def unreadable(self) -> tuple[UnreadableRecord, ...]:
        """The first ``UNREADABLE_LISTED_MAX`` that nobody has acknowledged."""
        records: tuple[UnreadableRecord, ...] = self.__dict__.get("records", ())
        return records

    @unreadable.setter
    def unreadable(self, records: tuple[UnreadableRecord, ...]) -> None:
        self.__dict__["records"] = records
        self.__dict__["aside"] = aside = _encode(records) if records else b""
        self.unreadable_digest = _digest(aside)

    @property
    def aside(self) -> bytes:
        """What is kept beside the clock; nothing when it is empty."""
        aside: bytes = self.__dict__.get("aside", b"")
        return aside

    def take_aside(self, aside: bytes | None) -> None:
        """Take in what was kept beside this clock, if it is what belongs to it."""
        if aside and self.unreadable_digest == _digest(aside):
            self.unreadable = _decode(aside)


def _digest(aside: bytes) -> bytes:
    return blake2b(aside, digest_size=DIGEST_BYTES).digest() if aside else b""


class State:
    """What a fold works on; the plates and timers may be the part of a larger state that is needed now."""

    def __init__(self, clock: Clock | None = None, plates: dict[str, Plate] | None = None) -> None:
        self.clock = Clock() if clock is None else clock
        self.plates: dict[str, Plate] = {} if plates is None else plates
        self.asleep: dict[str, bytes] = {}
        """Plates kept encoded, with nothing pending: decoded before a record names them, forgotten as they are."""
        self.timers = (TimerQueue(), TimerQueue(), DailyQueue())

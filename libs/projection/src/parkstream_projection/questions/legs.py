"""Which parts of the log a question needs folded, when the state at some positions is known."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import NamedTuple

from parkstream_eventlog import LogReader
from parkstream_eventlog.prefetch import records_of
from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds
from parkstream_visits import Emitted, RecordedEvent, Rules
from parkstream_visits.in_memory import InMemory

from parkstream_projection.codec import plates_in, recorded_event_of
from parkstream_projection.opened import Reached
from parkstream_projection.questions.snapshots import Head, Snapshots, checksum, mark_at, packed


class Leg(NamedTuple):
    """A part of the log: from the state in *head* (None: from its beginning) up to position *through*."""

    head: Head | None
    through: int

    @property
    def after(self) -> int:
        """The position that it begins after."""
        return self.head.position if self.head else 0


def legs(heads: Sequence[Head], plate: str | None, through: int) -> list[Leg]:
    """Return what is to be folded up to *through*: the rest after the last of *heads*, and before where *plate* is."""
    ends = [*(head.position for head in heads), through]
    parts = [Leg(head, end) for head, end in zip([None, *heads], ends, strict=True)]
    needed = [part for part, head in zip(parts, heads, strict=False) if plate is not None and head.concerns(plate)]
    return [*needed, parts[-1]]


async def recorded_events_in(
    log: LogReader,
    parts: Sequence[Leg],
    resume: Callable[[Head], None],
    reached: Reached,
) -> AsyncGenerator[RecordedEvent, None]:
    """Yield what the records of *parts* say; before one that does not follow what was read, *resume* is called."""
    total, done, at = sum(part.through - part.after for part in parts), 0, 0
    for part in parts:
        if part.head is not None and part.after != at:
            resume(part.head)
        before = done

        def passed(count: int, before: int = before) -> None:
            reached(before + count, total)

        async with aclosing(records_of(log, part.after, part.through, passed)) as records:
            async for record in records:
                yield recorded_event_of(record)
        done, at = before + part.through - part.after, part.through


class Keeper:
    """Keeps snapshots while the log is folded beyond the last one."""

    def __init__(self, log: LogReader, snapshots: Snapshots) -> None:
        self._log = log
        self._snapshots = snapshots
        self._settled_us = snapshots.heads[-1].settled_us if snapshots.heads else 0
        self._plates: set[int] = set()

    def note(self, recorded: RecordedEvent, rules: Rules) -> None:
        """Note *recorded*, which is folded next, under *rules*."""
        if recorded.position > self._snapshots.last:
            self._settled_us = max(self._settled_us, settled_us(recorded, rules))
            self._plates.update(map(checksum, plates_in(recorded)))

    async def keep(self, position: int, emitted: Sequence[Emitted], memory: InMemory) -> None:
        """Keep what is in *memory* at *position*, if it is to be kept; *emitted* came with its record."""
        if position <= self._snapshots.last:
            return
        self._plates.update(checksum(one.plate) for one in emitted)
        if self._snapshots.wanted(position):
            mark, after = await mark_at(self._log, position), self._snapshots.last
            self._snapshots.keep(Head(position, mark, self._settled_us, after, packed(self._plates)), memory)
            if self._snapshots.last == position:
                self._plates = set()


def settled_us(recorded: RecordedEvent, rules: Rules) -> int:
    """Return from which time on all that is true depends on *recorded*, as it is."""
    event, stays_us = recorded.event, recorded.recorded_at_us - rules.finality_us
    match event:
        case VehicleEntered() | VehicleExited():
            return max(stays_us, microseconds(event.event_time))
        case WatermarkAdvanced():
            return max(stays_us, event.to_us)
        case _:
            return stays_us

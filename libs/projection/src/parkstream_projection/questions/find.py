"""Records by whatever a person has of them: position, id, visit, trace or plate, in one field.

What is known without reading the log is looked at first: the projection, the index of ids, the index of the archive.
Only when nothing is found there, some of the log is read, its newest records first, at low priority.
"""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Final, NamedTuple, Self

from msgspec import Struct
from parkstream_eventlog import EventLogError, Record, positions_of
from parkstream_eventlog.archive import ArchiveIndex
from parkstream_events.sightings import normalised_plate
from parkstream_visits import RecordedEvent

from parkstream_projection.codec import recorded_event_of
from parkstream_projection.opened import Opened
from parkstream_projection.questions.plate_story import Asked, asked_of, event_id_of
from parkstream_projection.questions.record_names import id_name, names_of, plate_name, trace_name

HITS_MAX: Final = 50
READ_MAX: Final = 200_000
"""Records of the log that one search reads."""
READ_AT_ONCE: Final = 1_000
_VISIT: Final = re.compile(r"(entry|exit):.+")
_TRACE: Final = re.compile(r"(?:[0-9a-f]{2}-)?([0-9a-f]{32})(?:-[0-9a-f]{16}-[0-9a-f]{2})?", re.IGNORECASE)
_POSITION: Final = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)


class Senses(NamedTuple):
    """What a text may mean."""

    text: str
    position: int | None
    visit_id: str | None
    trace_id: str | None
    plate: str | None

    @classmethod
    def of(cls, text: str) -> Self:
        """Return what *text*, as somebody typed it, may mean."""
        text = text.strip()
        visit_id = text if _VISIT.fullmatch(text) else None
        trace = _TRACE.fullmatch(text)
        return cls(
            text,
            int(text) if _POSITION.fullmatch(text) else None,
            visit_id,
            trace[1].lower() if trace else None,
            None if visit_id or trace else _plate(text),
        )

    @property
    def event_ids(self) -> list[str]:
        """The ids that an event may have."""
        return [*([event_id_of(self.visit_id)] if self.visit_id else []), self.text]

    @property
    def names(self) -> set[str]:
        """What records that are meant can be found by."""
        found = {id_name(id_) for id_ in self.event_ids}
        if self.trace_id:
            found.add(trace_name(self.trace_id))
        if self.plate:
            found.add(plate_name(self.plate))
        return found

    def means(self, hit: "Hit") -> bool:
        """Return whether *hit* is meant: one found by the id in a visit's id has to be of that visit."""
        if self.visit_id is None or hit.id == self.text:
            return True
        return asked_of(hit.recorded, self.visit_id) is not None


class Hit(NamedTuple):
    """A record that was found."""

    id: str
    type: str
    recorded: RecordedEvent

    @property
    def position(self) -> int:
        """Where it stands in the log."""
        return self.recorded.position


class Findings(Struct, frozen=True, kw_only=True):
    """What was found: a *plate* that has sightings, and records; *looked* says where was looked."""

    senses: Senses
    plate: str | None = None
    hits: list[Hit] = []
    looked: list[str] = []
    read_from: int | None = None
    """The log was read back to this position; before it lies more that was not."""


class Finder:
    """Finds records in *it*, and in the archive that *archive* is the index of."""

    def __init__(self, it: Opened, archive: ArchiveIndex | None) -> None:
        self._it = it
        self._archive = archive
        self._archive_turn = asyncio.Lock()

    async def quickly(self, text: str) -> Findings:
        """Return what is found without reading the log."""
        senses, found = Senses.of(text), dict[int, Hit]()
        looked = ["the positions of the log"] if senses.position else []
        plate = senses.plate if senses.plate and await self._is_remembered(senses.plate) else None
        looked += ["the plates that are remembered"] if senses.plate else []
        positions = [position for id_ in senses.event_ids for position in await self._indexed(id_)]
        looked.append("the ids of events of the last weeks")
        for position in [*([senses.position] if senses.position else []), *positions[:HITS_MAX]]:
            if hit := await self.at(position):
                found[position] = hit
        records, where = await self._archived(senses)
        found |= {record.position: _hit(record) for record in records}
        meant = _meant(senses, found.values())
        if senses.plate and any(_is_of(senses.plate, hit) for hit in meant):
            plate = senses.plate
        return Findings(senses=senses, plate=plate, hits=_without(meant, plate), looked=[*looked, *where])

    async def in_log(self, text: str, before: int | None = None) -> Findings:
        """Return what the log itself has, the newest ``READ_MAX`` records or those before the position *before*."""
        senses = Senses.of(text)
        state = await self._it.log.state()
        last = state.position if before is None else min(before - 1, state.position)
        first = max(state.archived_through + 1, last - READ_MAX + 1)
        found = dict[int, Hit]()
        async with aclosing(self._read(senses.names, first, last)) as hits:
            async for hit in hits:
                found[hit.position] = hit
                if len(found) >= HITS_MAX or (senses.plate and _is_of(senses.plate, hit)):
                    break
        meant = _meant(senses, found.values())
        plate = next((senses.plate for hit in meant if senses.plate and _is_of(senses.plate, hit)), None)
        return Findings(
            senses=senses,
            plate=plate,
            hits=_without(meant, plate),
            looked=[f"the records {first:,} to {last:,} of the log, one by one"] if first <= last else [],
            read_from=first if first > state.archived_through + 1 else None,
        )

    async def at(self, position: int) -> Hit | None:
        """Return the record at *position*; None when the log does not reach so far, or it is not to be had."""
        try:
            records = await self._it.log.read(position - 1, 1)
        except EventLogError:
            return None
        return _hit(records[0]) if records else None

    async def visit(self, visit_id: str, position: int | None = None) -> Asked | None:
        """Return whose visit *visit_id* is, without reading the log: by the record at *position*, or by an index."""
        found = [await self.at(position)] if position else []
        found += [await self.at(one) for one in await self._indexed(event_id_of(visit_id)) if not any(found)]
        for hit in found:
            if hit and (asked := asked_of(hit.recorded, visit_id)):
                return asked
        records, _ = await self._archived(Senses.of(visit_id))
        return next((asked for one in records if (asked := asked_of(recorded_event_of(one), visit_id))), None)

    async def _is_remembered(self, plate: str) -> bool:
        _, remembered = await self._it.reads.remembered(plate)
        return remembered is not None and bool(remembered.sightings)

    async def _indexed(self, id_: str) -> list[int]:
        return (await positions_of(self._it.redis, self._it.keys, id_))[-HITS_MAX:]

    async def _archived(self, senses: Senses) -> tuple[list[Record], list[str]]:
        state = await self._it.log.state()
        if not state.archived_through:
            return [], []
        if self._archive is None:
            return [], [f"not the archive: records up to {state.archived_through:,} are there, and it is not set here"]
        async with self._archive_turn:
            if self._archive.archive.through < state.archived_through:
                self._archive.archive.refresh()
            self._archive.archive.check_log(state, state.archived_through)
            found = await asyncio.to_thread(self._archive.find, senses.names, HITS_MAX)
        where = [f"the archive, up to record {self._archive.archive.through:,}"]
        if found.unsearched:
            where.append(f"not in {found.unsearched} of its files, without an index: parkstream log archive makes it")
        return found.records, where

    async def _read(self, names: set[str], first: int, last: int) -> AsyncGenerator[Hit, None]:
        while last >= first:
            begin = time.monotonic()
            after = max(first - 1, last - READ_AT_ONCE)
            for record in reversed(await self._it.log.read(after, last - after)):
                if not names.isdisjoint(names_of(record)):
                    yield _hit(record)
            last = after
            await asyncio.sleep(time.monotonic() - begin)  # Others have half of the time.


def _hit(record: Record) -> Hit:
    return Hit(record.id, record.type, recorded_event_of(record))


def _meant(senses: Senses, hits: Iterable[Hit]) -> list[Hit]:
    return sorted((hit for hit in hits if senses.means(hit)), key=lambda hit: -hit.position)[:HITS_MAX]


def _is_of(plate: str, hit: Hit) -> bool:
    return getattr(hit.recorded.event, "vehicle_plate", None) == plate


def _without(hits: list[Hit], plate: str | None) -> list[Hit]:
    """Leave out the sightings of *plate*, which its story has."""
    return [hit for hit in hits if plate is None or not _is_of(plate, hit)]


def _plate(text: str) -> str | None:
    try:
        return normalised_plate(text)
    except ValueError:
        return None

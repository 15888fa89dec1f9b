"""Which summaries were emitted, are in no file and do not wait; and how they are emitted again.

They follow from the log alone, so they are as good as new however old they are. The summary API takes each (visit,
revision) once, so that a summary too many does no harm.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Final

from msgspec import Struct
from parkstream_eventlog import Record
from parkstream_eventlog.prefetch import batches_of
from parkstream_events import wire
from parkstream_events.decisions import VisitsRestated
from parkstream_visits import RULES_VERSION, Emitted, Fold, State

from parkstream_projection.codec import item_of, recorded_event_of
from parkstream_projection.opened import Opened
from parkstream_projection.outbox import Entry
from parkstream_projection.store import OtherRulesError
from parkstream_projection.verify.contents import Pair
from parkstream_projection.verify.projections import snapshot
from parkstream_projection.verify.undelivered import Waiting, read_waiting

BATCH_MAX: Final = 2_000
LISTED_MAX: Final = 20
WAITING_MAX: Final = 5_000
"""No more are put into the outbox while so many wait there: recording must not pause because of them."""
PAUSE_SECONDS: Final = 0.2

Written = Callable[[], AsyncIterator[Iterable[Pair]]]
"""Yields the pairs that are in the summary file, some at once."""
Reached = Callable[[int, int], None]


class Missing(Struct, frozen=True, kw_only=True):
    """What was missing, and what became of it."""

    dry_run: bool
    through: int
    """The last position whose summaries were looked for."""
    expected: int
    """Pairs that follow from the log and wait nowhere."""
    missing: int
    emitted: int
    unknown: int
    """Pairs of visits that were restated since: another version of the projection made them, this one cannot."""
    first: list[Pair]
    """The first ones that were missing."""


class _Found:
    """Adds up what is found."""

    def __init__(self, written: set[int], waiting: Waiting, restated: dict[str, int]) -> None:
        self._written = written
        self._waiting = waiting
        self._restated = restated
        self.expected = self.missing = self.emitted = self.unknown = 0
        self.first: list[Pair] = []

    def take(self, one: Emitted) -> bool:
        """Return whether *one* is missing."""
        pair = one.visit_id, one.revision
        if pair in self._waiting:
            return False
        if not one.restated and one.position <= self._restated.get(one.visit_id, 0):
            self.unknown += hash(pair) not in self._written
            return False
        self.expected += 1
        if hash(pair) in self._written:
            return False
        self.missing += 1
        if len(self.first) < LISTED_MAX:
            self.first.append(pair)
        return True


async def emit_missing(it: Opened, written: Written, reached: Reached, *, dry_run: bool) -> Missing:
    """Emit what is missing again, unless it is a *dry_run*; ``reached(position, of)`` is called now and then.

    Run twice at once, or again after an interruption, it repeats nothing that waits or is written. Raises
    ``OtherRulesError`` when another version of the rules made what was emitted.
    """
    seen = await snapshot(it.redis, it.keys)
    made_by = seen.live_version.rules_version
    if made_by not in {None, RULES_VERSION}:
        raise OtherRulesError(made_by or 0, RULES_VERSION)
    through = min(seen.emitted_through, (await it.log.state()).position)
    waiting = await read_waiting(it.outbox, it.redis, it.keys)  # Before the file: what is settled later is in the file.
    pairs = {hash(pair) async for some in written() for pair in some}
    found = _Found(pairs, waiting, await _restated(it, through))
    fold = Fold(State())
    async with aclosing(batches_of(it.log, 0, through, BATCH_MAX)) as batches:
        async for records in batches:
            missing = await asyncio.to_thread(_missing_of, fold, records, found)
            if missing and not dry_run:
                found.emitted += await _emit(it, missing)
            reached(records[-1].position, through)
    if not dry_run:
        await it.outbox.reconcile()
    return Missing(
        dry_run=dry_run,
        through=through,
        expected=found.expected,
        missing=found.missing,
        emitted=found.emitted,
        unknown=found.unknown,
        first=found.first,
    )


async def _restated(it: Opened, through: int) -> dict[str, int]:
    """Return the visits that were restated, each with the last position whose summaries another version made."""
    restated: dict[str, int] = {}
    async with aclosing(batches_of(it.log, 0, through, BATCH_MAX)) as batches:
        async for records in batches:
            for record in records:
                if record.type == wire.VISITS_RESTATED and isinstance(
                    event := recorded_event_of(record).event, VisitsRestated
                ):
                    restated |= {visit.visit_id: event.as_of_position for visit in event.visits}
    return restated


def _missing_of(fold: Fold, records: Iterable[Record], found: _Found) -> list[Emitted]:
    """Return what *fold* emits of *records*, the next ones, as far as it is missing."""
    return [one for record in records for one in fold.fold(recorded_event_of(record)) if found.take(one)]


async def _emit(it: Opened, missing: Sequence[Emitted]) -> int:
    """Put *missing* into the outbox once there is room; neither its trace nor its latency goes on."""
    while await it.outbox.depth() >= WAITING_MAX:  # noqa: ASYNC110 - it is Redis that is asked
        await asyncio.sleep(PAUSE_SECONDS)
    now_us = (await it.log.state()).now_us
    entries = [
        Entry("", one.visit_id, one.revision, item_of(one._replace(restated=True)), now_us, 0) for one in missing
    ]
    return await it.outbox.emit_again(entries)

"""Another time: what was known then, or what was true then.

Two questions. *Known*: the log folded up to a position, or to the last record of a time; late arrivals are not in it.
*True*: what the rules make of all that had happened by a time, whenever recorded
(``parkstream_visits.as_of_event_time``).
"""

from contextlib import aclosing
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from parkstream_eventlog import LogReader, position_at
from parkstream_events.sightings import microseconds, moment_of
from parkstream_events.summaries import Outcome
from parkstream_visits import PlateSighting
from parkstream_visits.as_of_event_time import AsOfEventTime
from parkstream_visits.as_of_recorded_time import AsOfRecordedTime, InsideThen, VisitThen
from parkstream_visits.in_memory import InMemory

from parkstream_projection.opened import Reached
from parkstream_projection.questions.legs import Keeper, legs, recorded_events_in
from parkstream_projection.questions.snapshots import Head, Snapshots
from parkstream_projection.reads import Inside


class AsOf(Struct, frozen=True, kw_only=True):
    """When is asked about (one of the three; *to* is a position of the log), and beside the counters, what."""

    to: int | None = None
    recorded_at: datetime | None = None
    occurred_at: datetime | None = None
    plate: str | None = None
    inside: bool = False


class Question(StrEnum):
    """What was asked."""

    KNOWN = "known"
    TRUE = "true"


class PlateVisit(Struct, frozen=True):
    """A visit; without an outcome it had not ended, or nothing was emitted of it yet."""

    visit_id: str
    outcome: Outcome | None
    revision: int | None
    entry_date_time: datetime | None
    exit_date_time: datetime | None
    entry_event_id: str | None
    exit_event_id: str | None
    superseded_by: str | None


class Answer(Struct, frozen=True, kw_only=True):
    """What was known at ``position``, or true at ``occurred_at`` by all that the log says up to ``position``.

    ``final``: nothing that is recorded later changes it. What was not asked for is None.
    """

    question: Question
    position: int
    recorded_at: datetime | None
    occurred_at: datetime | None
    final: bool
    counters: dict[str, int]
    inside: list[Inside] | None
    visits: list[PlateVisit] | None


async def as_of(log: LogReader, options: AsOf, reached: Reached, snapshots: Snapshots | None = None) -> Answer:
    """Return what is asked for; only reads *log*, and not all of it where *snapshots* help.

    A question to what was known leaves more *snapshots* for the next one.
    """
    if snapshots is not None:
        await snapshots.check(log)
    if options.occurred_at is not None:
        return await _true(log, options, options.occurred_at, reached, snapshots)
    through = options.to or 0
    if options.recorded_at is not None:
        through = await position_at(log, microseconds(options.recorded_at) + 1) - 1
    return await _known(log, options, through, reached, snapshots)


async def _known(log: LogReader, options: AsOf, through: int, reached: Reached, snapshots: Snapshots | None) -> Answer:
    known = AsOfRecordedTime(options.plate)
    heads = [head for head in snapshots.heads if head.position <= through] if snapshots else []
    keeper = Keeper(log, snapshots) if snapshots else None

    def resume(head: Head) -> None:
        known.resume(_loaded(snapshots, head))

    parts = legs(heads, options.plate, through)
    async with aclosing(recorded_events_in(log, parts, resume, reached)) as events:
        async for recorded in events:
            if keeper is None:
                known.take(recorded)
                continue
            keeper.note(recorded, known.memory.state.clock.rules[-1])
            await keeper.keep(recorded.position, known.take(recorded), known.memory)
    return Answer(
        question=Question.KNOWN,
        position=through,
        recorded_at=moment_of(known.memory.state.clock.recorded_at_us) if through else None,
        occurred_at=None,
        final=True,
        counters=known.counters(),
        inside=_cars(known.inside()) if options.inside else None,
        visits=[_visit(visit) for visit in known.visits()] if options.plate else None,
    )


async def _true(
    log: LogReader, options: AsOf, occurred_at: datetime, reached: Reached, snapshots: Snapshots | None
) -> Answer:
    at_us = microseconds(occurred_at)
    happened = AsOfEventTime(at_us, options.plate)
    heads = [head for head in snapshots.heads if head.settled_us <= at_us] if snapshots else []

    def resume(head: Head) -> None:
        happened.resume(_loaded(snapshots, head))

    position, recorded_at_us = (heads[-1].position, heads[-1].mark.recorded_at_us) if heads else (0, 0)
    parts = legs(heads, options.plate, (await log.state()).position)
    async with aclosing(recorded_events_in(log, parts, resume, reached)) as events:
        async for recorded in events:
            if not happened.take(recorded):
                break
            if recorded.position > position:
                position, recorded_at_us = recorded.position, recorded.recorded_at_us
    return Answer(
        question=Question.TRUE,
        position=position,
        recorded_at=moment_of(recorded_at_us) if position else None,
        occurred_at=occurred_at,
        final=happened.final,
        counters=happened.counters(),
        inside=_cars(happened.inside()) if options.inside else None,
        visits=[_visit(visit, without_revision=True) for visit in happened.visits()] if options.plate else None,
    )


def _loaded(snapshots: Snapshots | None, head: Head) -> InMemory:
    assert snapshots is not None
    return snapshots.load(head)


def _cars(inside: list[InsideThen]) -> list[Inside]:
    return [Inside(car.plate, moment_of(car.entry.at_us), car.entry.id) for car in inside]


def _visit(visit: VisitThen, *, without_revision: bool = False) -> PlateVisit:
    entry, exit_ = visit.entry, visit.exit
    return PlateVisit(
        visit.visit_id,
        visit.outcome,
        None if without_revision else visit.revision,
        _at(entry),
        _at(exit_),
        entry.id if entry else None,
        exit_.id if exit_ else None,
        visit.superseded_by,
    )


def _at(seen: PlateSighting | None) -> datetime | None:
    return moment_of(seen.at_us) if seen else None

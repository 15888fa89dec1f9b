"""A record as it is shown: everything that is known of it, as JSON and for people, or in one line."""

from datetime import datetime
from typing import Self

from msgspec import Raw, Struct, structs, to_builtins
from parkstream_eventlog import EventLog, Record
from parkstream_eventlog.prefetch import BATCH
from parkstream_events.decisions import OperatorActed
from parkstream_events.sightings import VehicleEntered, VehicleExited, moment_of
from parkstream_events.units import SECOND_US
from parkstream_projection import Reads, recorded_event_of
from parkstream_projection.opened import Opened
from parkstream_projection.questions.records_in_words import in_words
from parkstream_projection.questions.search import name_of
from parkstream_projection.questions.story_in_words import rule_in_words
from parkstream_projection.questions.words import at, lasting
from parkstream_service.retry import retried
from parkstream_service.unreachable import reason
from parkstream_visits import Judged, RecordedEvent, Unreadable, judged

from parkstream_cli.errors import ToolError
from parkstream_cli.output import as_json, as_lines, as_value, line, note


class Shown(Struct, frozen=True, kw_only=True):
    """A record; *body* is its JSON, or a text when it is none."""

    position: int
    type: str
    id: str
    recorded_at: datetime
    published_at: datetime | None
    traceparent: str | None
    unreadable: Unreadable | None
    body: Raw | str

    @classmethod
    def of(cls, record: Record, recorded: RecordedEvent) -> Self:
        """Return *record* as it is shown; *recorded* is what it says."""
        return cls(
            position=record.position,
            type=record.type,
            id=record.id,
            recorded_at=moment_of(record.recorded_at_us),
            published_at=None if record.published_at_us is None else moment_of(record.published_at_us),
            traceparent=record.traceparent,
            unreadable=recorded.event if isinstance(recorded.event, Unreadable) else None,
            body=as_value(record.body),
        )


class Made(Struct, frozen=True, kw_only=True):
    """What the projection made of a record: the rule that applied, as long as the plate's sightings are remembered."""

    checkpoint: int
    says: str
    judged: Judged | None = None


class Known(Shown, frozen=True, kw_only=True):
    """A record, and what became of it."""

    age_seconds: float
    reads_as: dict[str, object] | None
    projection: Made


async def known(it: Opened, position: int) -> tuple[Record, Known]:
    """Return the record at *position* and all that is known of it; raise ``ToolError`` when there is none."""
    record = await record_at(it.log, position)
    recorded = recorded_event_of(record)
    now_us = (await it.log.state()).now_us
    return record, Known(
        **structs.asdict(Shown.of(record, recorded)),
        age_seconds=(now_us - record.recorded_at_us) / SECOND_US,
        reads_as=None if isinstance(recorded.event, Unreadable) else to_builtins(recorded.event),
        projection=await _made_of(it.reads, recorded),
    )


async def record_at(log: EventLog, position: int) -> Record:
    """Return the record at *position*; raise ``ToolError`` when there is none."""
    end = (await log.state()).position
    if position > end:
        message = f"there is no record {position}: the log ends at {end}"
        raise ToolError(message)
    (record,) = await log.read(position - 1, 1)
    return record


def show(record: Record, found: Known) -> None:
    """Print what is known of *record* for people."""
    rows = {
        "type": record.type,
        "id": record.id,
        "recorded": f"{at(record.recorded_at_us)}, {lasting(int(found.age_seconds * SECOND_US))} ago",
        "published": "unknown" if record.published_at_us is None else at(record.published_at_us),
        "traceparent": record.traceparent or "none",
        "reads as": _reads_as(found),
        "made of it": found.projection.says,
    }
    line(f"record {record.position}")
    for name, value in rows.items():
        line(f"  {name:<12} {value}")
    line(f"  body, {len(record.body):,} bytes")
    for part in as_lines(record.body):
        line(f"    {part}")


def _reads_as(found: Known) -> str:
    if found.unreadable:
        return f"nothing, {found.unreadable.reason}: {found.unreadable.detail}"
    return ", ".join(f"{name} {value}" for name, value in (found.reads_as or {}).items())


async def _made_of(reads: Reads, recorded: RecordedEvent) -> Made:
    present = await reads.state()
    event = recorded.event
    if recorded.position > present.checkpoint:
        return Made(checkpoint=present.checkpoint, says=f"nothing yet: the projection is at {present.checkpoint}")
    if isinstance(event, Unreadable):
        listed = any(one.position == recorded.position for one in present.clock.unreadable)
        says = "listed as unreadable" if listed else "nothing, and that was acknowledged"
        return Made(checkpoint=present.checkpoint, says=says)
    if not isinstance(event, VehicleEntered | VehicleExited):
        acted = isinstance(event, OperatorActed)
        says = (
            "a person's act: it changes no visit"
            if acted
            else "a decision: it moves what visits wait for, or the rules"
        )
        return Made(checkpoint=present.checkpoint, says=says)
    present, plate = await reads.remembered(event.vehicle_plate)
    for one in judged(plate.sightings, present.clock.rules) if plate else ():
        if one.sighting.position == recorded.position:
            return Made(checkpoint=present.checkpoint, says=rule_in_words(one), judged=one)
    forgotten = f"nothing that is remembered: final, or too late; see parkstream visit {event.vehicle_plate}"
    return Made(checkpoint=present.checkpoint, says=forgotten)


def print_record(record: Record, *, json: bool) -> None:
    """Print *record* as a line of JSON, or in one line for people."""
    recorded = recorded_event_of(record)
    if json:
        as_json(Shown.of(record, recorded))
    else:
        recorded_at, name = at(record.recorded_at_us), name_of(record)
        line(f"{record.position:>9}  {recorded_at}  {name:<22}  {in_words(recorded)}  {record.id}")


async def follow(log: EventLog, after: int, *, json: bool) -> None:
    """Print what comes after *after*, for ever; a Redis that is away, as in a failover, is waited for."""
    position, noted = after, False

    async def print_more() -> None:
        nonlocal position, noted
        async for batch in log.follow(position, BATCH):
            for record in batch:
                print_record(record, json=json)
            position, noted = batch[-1].position, False

    def note_once(error: Exception) -> None:
        nonlocal noted
        if not noted:
            note(f"waiting for Redis: {reason(error)}")
        noted = True

    await retried(print_more, on_retry=note_once)
